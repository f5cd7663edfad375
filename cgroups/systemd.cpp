#include "cgroups/systemd.h"

#include "base/files.h"
#include "cgroups/limits.h"

namespace gantry::cgroups {
namespace {

// A user's manager can't attach programs that guard devices.
std::string device_groups_for(ManagerKind kind) {
  return kind == ManagerKind::system ? read_file("/proc/devices").value_or("") : "";
}

void append(UnitProperties& properties, UnitProperties more) {
  for (auto& property : more) properties.push_back(std::move(property));
}

Result<UnitProperties> scope_properties(const ScopeRequest& request, const oci::LinuxResources& resources,
                                        unsigned version) {
  UnitProperties properties = {
      {"Description", request.description},
      {"Slice", request.place.slice},
      {"Delegate", true},
      {"PIDs", std::vector<uint32_t>{static_cast<uint32_t>(request.pid)}},
      {"DefaultDependencies", false},
  };
  for (const char* name : {"CPUAccounting", "MemoryAccounting", "IOAccounting", "TasksAccounting"}) {
    properties.push_back({name, true});
  }
  append(properties, TRY(annotation_properties(request.annotations)));
  append(properties, TRY(oom_properties(resources, version)));
  const auto groups = device_groups_for(request.manager);
  append(properties, TRY(resource_properties(resources, version, groups)));
  return properties;
}

// A scope that failed keeps its name until it is reset.
Result<void> start_scope(SystemdManager& systemd, const std::string& unit, const UnitProperties& properties) {
  auto started = systemd.start_transient(unit, properties);
  if (started || started.error().kind() != ErrorKind::exists) return started;
  TRY(systemd.reset_failed(unit));
  return systemd.start_transient(unit, properties);
}

// The init of a pid namespace takes no notice of the SIGTERM that a stop begins with.
Result<void> stop_and_reset(SystemdManager& systemd, const std::string& unit) {
  (void)systemd.kill(unit);
  auto stopped = systemd.stop(unit);
  const bool missing = !stopped && stopped.error().kind() == ErrorKind::not_found;
  TRY(systemd.reset_failed(unit));
  return missing ? Result<void>() : std::move(stopped);
}

Result<Cgroup> limit_scope(const ScopeRequest& request, const oci::LinuxResources& resources) {
  const auto found = TRY(Cgroup::of_process(request.pid));
  if (!found.path().ends_with("/" + request.place.unit)) {
    return Error::make(ErrorKind::conflict, "systemd made {}, but process {} is in cgroup {}",
                       request.place.unit, request.pid, found.path());
  }
  return Cgroup::adopt(found.path(), with_rounded_quota(resources), request.enforcement);
}

}  // namespace

Result<Cgroup> create_scope(const ScopeRequest& request, const oci::LinuxResources& resources) {
  const std::string& unit = request.place.unit;
  auto systemd = TRY(SystemdManager::connect(request.manager));
  const auto version = TRY(systemd.version());
  const auto properties = TRY(scope_properties(request, resources, version));
  if (auto started = start_scope(systemd, unit, properties); !started) {
    if (started.error().kind() != ErrorKind::exists) (void)stop_and_reset(systemd, unit);
    return std::move(started).error().context("start unit {}", unit);
  }
  auto cgroup = limit_scope(request, resources);
  if (!cgroup) (void)stop_and_reset(systemd, unit);
  return cgroup;
}

Result<void> update_scope(const std::string& unit, ManagerKind manager, Cgroup& cgroup,
                          const oci::LinuxResources& resources, Enforcement enforcement) {
  // Before systemd writes the limit, which would kill.
  TRY(check_memory_update(cgroup.directory(), resources));
  auto systemd = TRY(SystemdManager::connect(manager));
  const auto groups = resources.devices.empty() ? std::string() : device_groups_for(manager);
  const auto version = TRY(systemd.version());
  const auto properties = TRY(resource_properties(resources, version, groups));
  if (!properties.empty()) {
    TRY(systemd.set_properties(unit, properties).context("set properties of unit {}", unit));
  }
  return cgroup.update(with_rounded_quota(resources), enforcement);
}

Result<void> attach_to_scope(const std::string& unit, ManagerKind manager, const std::string& sub,
                             pid_t pid) {
  auto systemd = TRY(SystemdManager::connect(manager));
  const std::string below = sub.empty() || sub.starts_with('/') ? sub : "/" + sub;
  return systemd.attach(unit, below, pid).context("move process {} to unit {}", pid, unit);
}

Result<void> remove_scope(const std::string& unit, ManagerKind manager) {
  auto systemd = TRY(SystemdManager::connect(manager));
  return stop_and_reset(systemd, unit).context("stop unit {}", unit);
}

}  // namespace gantry::cgroups
