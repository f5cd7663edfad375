#include "cgroups/systemd_manager.h"

#include "base/text.h"

#include <csignal>
#include <cstdlib>
#include <dbus/dbus.h>

namespace gantry::cgroups {
namespace {

constexpr auto job_patience = std::chrono::seconds(30);
constexpr const char* systemd_name = "org.freedesktop.systemd1";
constexpr const char* systemd_path = "/org/freedesktop/systemd1";
constexpr const char* manager_interface = "org.freedesktop.systemd1.Manager";
constexpr const char* mode = "replace";  // of jobs: one that stands against ours is cancelled
constexpr const char* system_bus = "unix:path=/run/dbus/system_bus_socket";
constexpr const char* system_socket = "/run/systemd/private";

// Appends to a message. libdbus only fails for want of memory: that is remembered for the end.
class Writer {
 public:
  explicit Writer(DBusMessage& message) { dbus_message_iter_init_append(&message, &iterator_); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  bool complete() const { return complete_; }

  void add(bool value) { add_basic<dbus_bool_t>(DBUS_TYPE_BOOLEAN, value ? TRUE : FALSE); }
  void add(uint8_t value) { add_basic(DBUS_TYPE_BYTE, value); }
  void add(int32_t value) { add_basic(DBUS_TYPE_INT32, value); }
  void add(uint32_t value) { add_basic(DBUS_TYPE_UINT32, value); }
  void add(int64_t value) { add_basic(DBUS_TYPE_INT64, value); }
  void add(uint64_t value) { add_basic(DBUS_TYPE_UINT64, value); }
  void add(double value) { add_basic(DBUS_TYPE_DOUBLE, value); }
  void add(const char* value) { add_basic(DBUS_TYPE_STRING, value); }
  void add(const std::string& value) { add(value.c_str()); }
  template <class T>
  void add(const std::vector<T>& values) {
    add_array(signature_of(T()), values);
  }
  void add(const std::pair<std::string, std::string>& pair) {
    Writer inside(*this, DBUS_TYPE_STRUCT, nullptr);
    inside.add(pair.first);
    inside.add(pair.second);
    inside.close();
  }
  void add(const UnitProperty& property) {
    Writer inside(*this, DBUS_TYPE_STRUCT, nullptr);
    inside.add(property.name);
    std::visit([&](const auto& value) { inside.add_variant(value); }, property.value);
    inside.close();
  }
  template <class T>
  void add_array(const char* signature, const std::vector<T>& values) {
    Writer inside(*this, DBUS_TYPE_ARRAY, signature);
    for (const auto& value : values) inside.add(value);
    inside.close();
  }

 private:
  Writer(Writer& outside, int type, const char* signature) : outside_(&outside) {
    take(dbus_message_iter_open_container(&outside.iterator_, type, signature, &iterator_));
  }

  void take(dbus_bool_t done) { complete_ = complete_ && done == TRUE; }
  template <class T>
  void add_basic(int type, const T& value) {
    if (complete_) take(dbus_message_iter_append_basic(&iterator_, type, &value));
  }
  template <class T>
  void add_variant(const T& value) {
    Writer inside(*this, DBUS_TYPE_VARIANT, signature_of(value));
    inside.add(value);
    inside.close();
  }
  void close() {
    if (complete_) take(dbus_message_iter_close_container(&outside_->iterator_, &iterator_));
    outside_->complete_ = outside_->complete_ && complete_;
  }

  static const char* signature_of(bool) { return "b"; }
  static const char* signature_of(uint8_t) { return "y"; }
  static const char* signature_of(int32_t) { return "i"; }
  static const char* signature_of(uint32_t) { return "u"; }
  static const char* signature_of(int64_t) { return "x"; }
  static const char* signature_of(uint64_t) { return "t"; }
  static const char* signature_of(double) { return "d"; }
  static const char* signature_of(const std::string&) { return "s"; }
  static const char* signature_of(const std::vector<std::string>&) { return "as"; }
  static const char* signature_of(const std::vector<uint32_t>&) { return "au"; }
  static const char* signature_of(const std::vector<uint8_t>&) { return "ay"; }
  static const char* signature_of(const std::pair<std::string, std::string>&) { return "(ss)"; }
  static const char* signature_of(const UnitProperty::DeviceList&) { return "a(ss)"; }

  DBusMessageIter iterator_{};
  Writer* outside_ = nullptr;
  bool complete_ = true;
};

BusMessage method(const char* interface, const char* member) {
  return BusMessage(dbus_message_new_method_call(systemd_name, systemd_path, interface, member));
}

Result<BusMessage> checked(BusMessage message, const Writer& writer) {
  if (!writer.complete()) return Error::make(ErrorKind::system, "out of memory");
  return message;
}

// A call with strings for arguments.
template <class... Strings>
Result<BusMessage> manager_call(const char* member, const Strings&... strings) {
  auto message = method(manager_interface, member);
  Writer writer(*message);
  (writer.add(strings), ...);
  return checked(std::move(message), writer);
}

const char* variable(const char* name) {
  const char* value = ::getenv(name);
  return value != nullptr && *value != '\0' ? value : nullptr;
}

Result<MessageBus> connect_system() {
  const char* address = variable("DBUS_SYSTEM_BUS_ADDRESS");
  auto bus = MessageBus::connect_to_bus(address != nullptr ? address : system_bus);
  if (bus) return bus;
  auto peer = MessageBus::connect_to_peer(system_socket);
  if (peer) return peer;
  return Error::make(ErrorKind::unavailable, "{}; {}", bus.error().message(), peer.error().message());
}

Result<MessageBus> connect_user() {
  std::vector<std::string> failures;
  const auto usable = [&](const Result<MessageBus>& bus) {
    if (!bus) failures.push_back(bus.error().message());
    return static_cast<bool>(bus);
  };
  if (const char* address = variable("DBUS_SESSION_BUS_ADDRESS")) {
    auto bus = MessageBus::connect_to_bus(address);
    if (usable(bus)) return bus;
  }
  const char* folder = variable("XDG_RUNTIME_DIR");
  if (folder == nullptr) {
    failures.emplace_back("XDG_RUNTIME_DIR is not set");
    return Error::make(ErrorKind::unavailable, "{}", join(failures, "; "));
  }
  auto bus = MessageBus::connect_to_bus(format("unix:path={}/bus", folder));
  if (usable(bus)) return bus;
  auto peer = MessageBus::connect_to_peer(format("{}/systemd/private", folder));
  if (usable(peer)) return peer;
  return Error::make(ErrorKind::unavailable, "{}", join(failures, "; "));
}

}  // namespace

Result<SystemdManager> SystemdManager::connect(ManagerKind kind) {
  auto bus = kind == ManagerKind::system ? connect_system() : connect_user();
  if (bus) return SystemdManager(std::move(*bus));
  const char* whose = kind == ManagerKind::system ? "systemd" : "the user's systemd";
  return std::move(bus).error().context("cannot reach {}", whose);
}

Result<unsigned> SystemdManager::version() {
  auto request = method("org.freedesktop.DBus.Properties", "Get");
  Writer writer(*request);
  writer.add(manager_interface);
  writer.add("Version");
  const auto reply = TRY(bus_.call(checked(std::move(request), writer)));
  DBusMessageIter top{};
  DBusMessageIter variant{};
  if (dbus_message_iter_init(reply.get(), &top) == FALSE ||
      dbus_message_iter_get_arg_type(&top) != DBUS_TYPE_VARIANT) {
    return Error::make(ErrorKind::corrupt, "systemd's version is not a variant");
  }
  dbus_message_iter_recurse(&top, &variant);
  if (dbus_message_iter_get_arg_type(&variant) != DBUS_TYPE_STRING) {
    return Error::make(ErrorKind::corrupt, "systemd's version is not a string");
  }
  const char* text = nullptr;
  dbus_message_iter_get_basic(&variant, static_cast<void*>(&text));
  return parse_systemd_version(text);
}

// Signals come only to those who asked for them.
Result<void> SystemdManager::hear_of_jobs() {
  if (std::exchange(hears_of_jobs_, true)) return {};
  TRY(bus_.call(manager_call("Subscribe")));
  if (!bus_.has_bus()) return {};
  auto request = BusMessage(dbus_message_new_method_call("org.freedesktop.DBus", "/org/freedesktop/DBus",
                                                         "org.freedesktop.DBus", "AddMatch"));
  Writer writer(*request);
  writer.add(
      "type='signal',sender='org.freedesktop.systemd1',path='/org/freedesktop/systemd1',"
      "interface='org.freedesktop.systemd1.Manager',member='JobRemoved'");
  TRY(bus_.call(checked(std::move(request), writer)));
  return {};
}

Result<void> SystemdManager::run_job(Result<BusMessage> request) {
  TRY(hear_of_jobs());
  const auto reply = TRY(bus_.call(std::move(request)));
  const char* job = nullptr;
  if (dbus_message_get_args(reply.get(), nullptr, DBUS_TYPE_OBJECT_PATH, &job, DBUS_TYPE_INVALID) == FALSE) {
    return Error::make(ErrorKind::corrupt, "systemd named no job");
  }
  const auto deadline = std::chrono::steady_clock::now() + job_patience;
  for (;;) {
    const auto signal = TRY(bus_.wait_for_signal("JobRemoved", deadline));
    dbus_uint32_t number = 0;
    const char* removed = nullptr;
    const char* unit = nullptr;
    const char* result = nullptr;
    if (dbus_message_get_args(signal.get(), nullptr, DBUS_TYPE_UINT32, &number, DBUS_TYPE_OBJECT_PATH,
                              &removed, DBUS_TYPE_STRING, &unit, DBUS_TYPE_STRING, &result,
                              DBUS_TYPE_INVALID) == FALSE ||
        std::string_view(removed) != job) {
      continue;
    }
    if (std::string_view(result) == "done") return {};
    return Error::make(ErrorKind::unavailable, "the job of {} ended with \"{}\"", unit, result);
  }
}

Result<void> SystemdManager::start_transient(const std::string& unit, const UnitProperties& properties) {
  auto request = method(manager_interface, "StartTransientUnit");
  Writer writer(*request);
  writer.add(unit);
  writer.add(mode);
  writer.add_array("(sv)", properties);
  writer.add_array("(sa(sv))", std::vector<std::string>());  // no further units
  return run_job(checked(std::move(request), writer));
}

Result<void> SystemdManager::set_properties(const std::string& unit, const UnitProperties& properties) {
  auto request = method(manager_interface, "SetUnitProperties");
  Writer writer(*request);
  writer.add(unit);
  writer.add(true);
  writer.add_array("(sv)", properties);
  TRY(bus_.call(checked(std::move(request), writer)));
  return {};
}

Result<void> SystemdManager::attach(const std::string& unit, const std::string& below, pid_t pid) {
  auto request = method(manager_interface, "AttachProcessesToUnit");
  Writer writer(*request);
  writer.add(unit);
  writer.add(below);
  writer.add(std::vector<uint32_t>{static_cast<uint32_t>(pid)});
  TRY(bus_.call(checked(std::move(request), writer)));
  return {};
}

Result<void> SystemdManager::kill(const std::string& unit) {
  auto request = method(manager_interface, "KillUnit");
  Writer writer(*request);
  writer.add(unit);
  writer.add("all");
  writer.add(int32_t{SIGKILL});
  TRY(bus_.call(checked(std::move(request), writer)));
  return {};
}

Result<void> SystemdManager::stop(const std::string& unit) {
  return run_job(manager_call("StopUnit", unit, mode));
}

Result<void> SystemdManager::reset_failed(const std::string& unit) {
  const auto reply = bus_.call(manager_call("ResetFailedUnit", unit));
  if (reply || reply.error().kind() == ErrorKind::not_found) return {};
  return reply.error();
}

}  // namespace gantry::cgroups
