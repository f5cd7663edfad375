#pragma once

#include "cgroups/systemd_bus.h"
#include "cgroups/systemd_properties.h"

#include <string>
#include <sys/types.h>

namespace gantry::cgroups {

// Whose units: the host's, or the calling user's own.
enum class ManagerKind { system, user };

// systemd's manager over D-Bus. Each call waits for its end, at most 30 s.
// Source: org.freedesktop.systemd1(5), interface Manager.
class SystemdManager {
 public:
  // The host's: $DBUS_SYSTEM_BUS_ADDRESS or the usual socket, or, where no bus runs, systemd's own socket,
  // which root may use. A user's: $DBUS_SESSION_BUS_ADDRESS, then $XDG_RUNTIME_DIR/bus, then systemd's own.
  // Errors: unavailable, naming what was tried.
  static Result<SystemdManager> connect(ManagerKind kind);

  // The major version, such as 252.
  Result<unsigned> version();
  // StartTransientUnit, and waits for its job. Errors: exists; unavailable with the job's result.
  Result<void> start_transient(const std::string& unit, const UnitProperties& properties);
  // SetUnitProperties, until the next boot (runtime). Errors: not_found.
  Result<void> set_properties(const std::string& unit, const UnitProperties& properties);
  // AttachProcessesToUnit; `below`: "" or "/path".
  Result<void> attach(const std::string& unit, const std::string& below, pid_t pid);
  // KillUnit: SIGKILL to all its processes. Errors: not_found.
  Result<void> kill(const std::string& unit);
  // StopUnit, and waits for its job. Errors: not_found.
  Result<void> stop(const std::string& unit);
  // So that a unit that failed doesn't keep its name. One that isn't there: fine.
  Result<void> reset_failed(const std::string& unit);

 private:
  explicit SystemdManager(MessageBus bus) : bus_(std::move(bus)) {}
  Result<void> hear_of_jobs();
  Result<void> run_job(Result<BusMessage> request);

  MessageBus bus_;
  bool hears_of_jobs_ = false;
};

}  // namespace gantry::cgroups
