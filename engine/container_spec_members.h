#pragma once

#include "base/json.h"
#include "engine/container_spec.h"

#include <algorithm>

// The tables of ContainerSpec's JSON, for the _json.cpp files only.

namespace gantry::engine {

inline std::span<const EnumName<Protocol>> enum_names(Protocol) {
  static constexpr EnumName<Protocol> names[] = {{Protocol::tcp, "tcp"}, {Protocol::udp, "udp"}};
  return names;
}

inline std::span<const EnumName<MountType>> enum_names(MountType) {
  static constexpr EnumName<MountType> names[] = {
      {MountType::bind, "bind"}, {MountType::volume, "volume"}, {MountType::tmpfs, "tmpfs"}};
  return names;
}

inline std::span<const EnumName<RestartMode>> enum_names(RestartMode) {
  static constexpr EnumName<RestartMode> names[] = {{RestartMode::none, "no"},
                                                    {RestartMode::always, "always"},
                                                    {RestartMode::on_failure, "on-failure"},
                                                    {RestartMode::unless_stopped, "unless-stopped"}};
  return names;
}

inline std::span<const EnumName<LogDriver>> enum_names(LogDriver) {
  static constexpr EnumName<LogDriver> names[] = {{LogDriver::json_file, "json-file"},
                                                  {LogDriver::cri, "cri"},
                                                  {LogDriver::journald, "journald"},
                                                  {LogDriver::none, "none"}};
  return names;
}

template <class Visitor>
void members(Visitor& visit, PortSpec& port) {
  visit("hostIp", port.host_ip);
  visit("hostPort", port.host_port);
  visit.required("containerPort", port.container_port);
  visit("protocol", port.protocol);
}

template <class Visitor>
void members(Visitor& visit, MountSpec& mount) {
  visit.required("type", mount.type);
  visit("source", mount.source);
  visit.required("destination", mount.destination);
  visit("readOnly", mount.read_only);
  visit("createSource", mount.create_source);
  visit("options", mount.options);
}

template <class Visitor>
void members(Visitor& visit, ResourceSpec& resources) {
  visit("memory", resources.memory);
  visit("memoryReservation", resources.memory_reservation);
  visit("memorySwap", resources.memory_swap);
  visit("cpuShares", resources.cpu_shares);
  visit("nanoCpus", resources.nano_cpus);
  visit("cpuQuota", resources.cpu_quota);
  visit("cpuPeriod", resources.cpu_period);
  visit("cpusetCpus", resources.cpuset_cpus);
  visit("pidsLimit", resources.pids_limit);
}

template <class Visitor>
void members(Visitor& visit, UlimitSpec& ulimit) {
  visit.required("name", ulimit.name);
  visit("soft", ulimit.soft);
  visit("hard", ulimit.hard);
}

template <class Visitor>
void members(Visitor& visit, DeviceSpec& device) {
  visit.required("hostPath", device.host_path);
  visit.required("containerPath", device.container_path);
  visit("permissions", device.permissions);
}

// Durations are written as whole numbers of `Unit`.
template <class Unit, class Visitor>
void duration(Visitor& visit, std::string_view name, Unit& value) {
  int64_t count = value.count();
  visit(name, count);
  value = Unit(count);
}

template <class Visitor>
void members(Visitor& visit, RestartSpec& restart) {
  visit("mode", restart.mode);
  visit("maximumRetries", restart.maximum_retries);
  duration(visit, "attemptPeriodSeconds", restart.attempt_period);
  visit("ignoredExitCodes", restart.ignored_exit_codes);
}

template <class Visitor>
void members(Visitor& visit, HealthSpec& health) {
  visit("test", health.test);
  duration(visit, "interval", health.interval);
  duration(visit, "timeout", health.timeout);
  duration(visit, "startPeriod", health.start_period);
  duration(visit, "startInterval", health.start_interval);
  visit("retries", health.retries);
}

template <class Visitor>
void members(Visitor& visit, LogSpec& log) {
  visit("driver", log.driver);
  visit("maximumSize", log.maximum_size);
  visit("maximumFiles", log.maximum_files);
  visit("tag", log.tag);
}

template <class Visitor>
void stop_members(Visitor& visit, ContainerSpec& spec) {
  visit("stopSignal", spec.stop_signal);
  std::optional<int64_t> seconds;
  if (spec.stop_timeout) seconds = spec.stop_timeout->count();
  visit("stopTimeoutSeconds", seconds);
  if (seconds) spec.stop_timeout = std::chrono::seconds(*seconds);
}

template <class Visitor>
void network_members(Visitor& visit, ContainerSpec& spec) {
  visit("hostname", spec.hostname);
  visit("domainname", spec.domainname);
  visit("network", spec.network);
  visit("ports", spec.ports);
  visit("publishAllPorts", spec.publish_all_ports);
  visit("dns", spec.dns);
  visit("dnsSearch", spec.dns_search);
  visit("dnsOptions", spec.dns_options);
  visit("extraHosts", spec.extra_hosts);
}

template <class Visitor>
void security_members(Visitor& visit, ContainerSpec& spec) {
  visit("capabilitiesAdded", spec.capabilities_added);
  visit("capabilitiesDropped", spec.capabilities_dropped);
  visit("privileged", spec.privileged);
  visit("noNewPrivileges", spec.no_new_privileges);
  visit("seccomp", spec.seccomp);
  visit("unmaskedPaths", spec.unmasked_paths);
  visit("pidMode", spec.pid_mode);
  visit("ipcMode", spec.ipc_mode);
  visit("utsMode", spec.uts_mode);
}

template <class Visitor>
void members(Visitor& visit, ContainerSpec& spec) {
  visit("name", spec.name);
  visit("image", spec.image);
  visit("entrypoint", spec.entrypoint);
  visit("command", spec.command);
  visit("environment", spec.environment);
  visit("labels", spec.labels);
  visit("user", spec.user);
  visit("additionalGroups", spec.additional_groups);
  visit("workingDirectory", spec.working_directory);
  network_members(visit, spec);
  visit("mounts", spec.mounts);
  visit("readOnlyRoot", spec.read_only_root);
  visit("shmSize", spec.shm_size);
  visit("devices", spec.devices);
  visit("resources", spec.resources);
  visit("cgroupParent", spec.cgroup_parent);
  visit("ulimits", spec.ulimits);
  visit("sysctls", spec.sysctls);
  visit("oomScoreAdjustment", spec.oom_score_adjustment);
  security_members(visit, spec);
  visit("terminal", spec.terminal);
  visit("openStdin", spec.open_stdin);
  visit("init", spec.init);
  visit("restart", spec.restart);
  visit("health", spec.health);
  visit("log", spec.log);
  stop_members(visit, spec);
  visit("autoRemove", spec.auto_remove);
  visit("annotations", spec.annotations);
}

}  // namespace gantry::engine
