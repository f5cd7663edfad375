#include "api/container_rules.h"

#include "api/task_definition_rules.h"
#include "base/format.h"

#include <algorithm>
#include <array>
#include <set>

namespace gantry::api {
namespace {

using http::AwsError;
using http::AwsResult;

AwsError refuse(std::string message) {
  return AwsError{"ClientException", std::move(message)};
}

constexpr int smallest_memory = 6;  // MiB; what Docker 20.10 and later accept at least

AwsResult<void> check_memory(const ContainerDefinition& container, const TaskDefinition& task) {
  const auto& name = container.name;
  if (!container.memory && !container.memory_reservation && task.memory.empty()) {
    return refuse(
        format("Invalid setting for container '{}'. At least one of 'memory' or 'memoryReservation' "
               "must be specified.",
               name));
  }
  for (const auto& value : {container.memory, container.memory_reservation}) {
    if (value && *value < smallest_memory) {
      return refuse(format("Invalid setting for container '{}'. Memory must be at least {} MiB, found {}.",
                           name, smallest_memory, *value));
    }
  }
  if (container.memory && container.memory_reservation &&
      *container.memory <= *container.memory_reservation) {
    return refuse(
        format("Invalid setting for container '{}'. The 'memory' must be greater than the "
               "'memoryReservation'.",
               name));
  }
  if (task.memory.empty() || !container.memory) return {};
  const auto limit = TRY(normal_memory(task.memory));
  if (*container.memory > std::stoll(limit)) {
    return refuse("The 'memory' setting for container is greater than for the task.");
  }
  return {};
}

AwsResult<void> complete_port(PortMapping& mapping, const ContainerDefinition& container,
                              const TaskDefinition& task) {
  if (mapping.protocol.empty()) mapping.protocol = "tcp";
  if (mapping.protocol != "tcp" && mapping.protocol != "udp") {
    return refuse(format("Invalid protocol '{}' in container '{}'. It should be one of [tcp,udp].",
                         mapping.protocol, container.name));
  }
  if (!mapping.host_port) mapping.host_port = task.network_mode == "host" ? mapping.container_port : 0;
  if (mapping.container_port < 1 || mapping.container_port > 65535 || *mapping.host_port < 0 ||
      *mapping.host_port > 65535) {
    return refuse(
        format("Invalid port in container '{}': ports must be between 1 and 65535.", container.name));
  }
  if (task.network_mode == "host" && *mapping.host_port == 0) mapping.host_port = mapping.container_port;
  if (task.network_mode == "host" && *mapping.host_port != mapping.container_port) {
    return refuse("When networkMode=host, the host ports and container ports in port mappings must match.");
  }
  if (task.network_mode == "none") {
    return refuse(
        format("Port mappings of container '{}' need a network mode other than 'none'.", container.name));
  }
  return {};
}

AwsResult<void> complete_ports(ContainerDefinition& container, const TaskDefinition& task) {
  std::set<std::pair<std::string, int>> host_ports;
  if (container.port_mappings.size() > 100) {
    return refuse(format("Container '{}' has more than 100 port mappings.", container.name));
  }
  for (auto& mapping : container.port_mappings) {
    TRY(complete_port(mapping, container, task));
    if (*mapping.host_port != 0 && !host_ports.emplace(mapping.protocol, *mapping.host_port).second) {
      return refuse(
          format("Host port {} is mapped twice in container '{}'.", *mapping.host_port, container.name));
    }
  }
  return {};
}

AwsResult<void> check_range(std::string_view what, const std::optional<int>& value, int least, int most,
                            const std::string& container) {
  if (!value || (*value >= least && *value <= most)) return {};
  return refuse(format("Invalid setting for container '{}'. {} must be between {} and {}, found {}.",
                       container, what, least, most, *value));
}

AwsResult<void> check_health_check(const ContainerDefinition& container) {
  if (!container.health_check) return {};
  const auto& check = *container.health_check;
  const auto& command = check.command;
  const bool known =
      !command.empty() && (command[0] == "CMD" || command[0] == "CMD-SHELL" || command[0] == "NONE");
  if (!known || (command[0] != "NONE" && command.size() < 2)) {
    return refuse(
        format("Invalid health check command for container '{}'. It must begin with CMD or CMD-SHELL.",
               container.name));
  }
  TRY(check_range("healthCheck.interval", check.interval, 5, 300, container.name));
  TRY(check_range("healthCheck.timeout", check.timeout, 2, 60, container.name));
  TRY(check_range("healthCheck.retries", check.retries, 1, 10, container.name));
  return check_range("healthCheck.startPeriod", check.start_period, 0, 300, container.name);
}

AwsResult<void> check_restart_policy(const ContainerDefinition& container) {
  if (!container.restart_policy || !container.restart_policy->enabled) return {};
  if (container.restart_policy->ignored_exit_codes.size() > 50) {
    return refuse(format("Container '{}' has more than 50 ignored exit codes.", container.name));
  }
  return check_range("restartPolicy.restartAttemptPeriod", container.restart_policy->restart_attempt_period,
                     60, 1800, container.name);
}

AwsResult<void> check_mounts(const ContainerDefinition& container, const TaskDefinition& task) {
  for (const auto& mount : container.mount_points) {
    const bool known = std::any_of(task.volumes.begin(), task.volumes.end(),
                                   [&](const Volume& volume) { return volume.name == mount.source_volume; });
    if (!known) return refuse(format("Unknown volume '{}'.", mount.source_volume));
    if (mount.container_path.empty() || mount.container_path.front() != '/') {
      return refuse(format("The containerPath of volume '{}' in container '{}' must be an absolute path.",
                           mount.source_volume, container.name));
    }
  }
  return {};
}

AwsResult<void> check_ulimits(const ContainerDefinition& container) {
  static constexpr std::array<std::string_view, 15> names = {
      "core",   "cpu",   "data", "fsize",  "locks",  "memlock",    "msgqueue", "nice",
      "nofile", "nproc", "rss",  "rtprio", "rttime", "sigpending", "stack"};
  for (const auto& ulimit : container.ulimits) {
    if (std::find(names.begin(), names.end(), ulimit.name) == names.end()) {
      return refuse(format("Unknown ulimit '{}' in container '{}'.", ulimit.name, container.name));
    }
    const bool unlimited = ulimit.hard_limit == -1;
    if (ulimit.soft_limit > ulimit.hard_limit && !unlimited) {
      return refuse(format("The soft limit of ulimit '{}' in container '{}' is greater than its hard limit.",
                           ulimit.name, container.name));
    }
  }
  return {};
}

AwsResult<void> check_sysctls(const ContainerDefinition& container, const TaskDefinition& task) {
  for (const auto& control : container.system_controls) {
    const auto& name = control.sysctl_namespace;
    const bool net = name.starts_with("net.");
    const bool ipc = name.starts_with("kernel.msg") || name == "kernel.sem" ||
                     name.starts_with("kernel.shm") || name.starts_with("fs.mqueue.");
    if (!net && !ipc) {
      return refuse(
          format("The systemControl '{}' of container '{}' isn't namespaced.", name, container.name));
    }
    if (net && task.network_mode == "host") {
      return refuse(format("The systemControl '{}' can't be set with networkMode 'host'.", name));
    }
  }
  return {};
}

AwsResult<void> check_log_driver(const ContainerDefinition& container) {
  static constexpr std::array<std::string_view, 8> drivers = {"json-file", "syslog",  "journald", "gelf",
                                                              "fluentd",   "awslogs", "splunk",   "none"};
  if (!container.log_configuration) return {};
  const auto& driver = container.log_configuration->log_driver;
  if (driver == "awsfirelens") {
    return refuse(
        format("The log driver 'awsfirelens' of container '{}' is not supported by this control plane.",
               container.name));
  }
  if (std::find(drivers.begin(), drivers.end(), driver) != drivers.end()) return {};
  return refuse(format("Unknown log driver '{}' in container '{}'.", driver, container.name));
}

AwsResult<void> check_linux_parameters(const ContainerDefinition& container) {
  if (!container.linux_parameters) return {};
  const auto& parameters = *container.linux_parameters;
  TRY(check_range("linuxParameters.sharedMemorySize", parameters.shared_memory_size, 1, 1 << 20,
                  container.name));
  TRY(check_range("linuxParameters.maxSwap", parameters.max_swap, 0, INT32_MAX, container.name));
  TRY(check_range("linuxParameters.swappiness", parameters.swappiness, 0, 100, container.name));
  if (parameters.swappiness && !parameters.max_swap) {
    return refuse(format("Container '{}' sets swappiness without maxSwap.", container.name));
  }
  return {};
}

const ContainerDefinition* find(const TaskDefinition& task, const std::string& name) {
  for (const auto& container : task.container_definitions) {
    if (container.name == name) return &container;
  }
  return nullptr;
}

AwsResult<void> check_dependency(const TaskDefinition& task, const ContainerDefinition& container,
                                 const ContainerDependency& dependency) {
  const auto* target = find(task, dependency.container_name);
  if (target == nullptr || target == &container) {
    return refuse(format("Container '{}' depends on '{}', which is not another container of the task.",
                         container.name, dependency.container_name));
  }
  const auto& condition = dependency.condition;
  if (condition == "START") return {};
  if (condition == "HEALTHY") {
    if (target->health_check && target->health_check->command[0] != "NONE") return {};
    return refuse(format("Container '{}' depends on '{}' being HEALTHY, but it has no health check.",
                         container.name, target->name));
  }
  if (condition != "COMPLETE" && condition != "SUCCESS") {
    return refuse(
        format("Invalid dependency condition '{}'. It should be one of [START,COMPLETE,SUCCESS,HEALTHY].",
               condition));
  }
  if (!*target->essential) return {};
  return refuse(
      format("A dependency on essential container '{}' can't have condition {}.", target->name, condition));
}

// Depth first over dependsOn; `open` holds the way down.
bool has_cycle(const TaskDefinition& task, const std::string& name, std::set<std::string>& open,
               std::set<std::string>& done) {
  if (done.contains(name)) return false;
  if (!open.insert(name).second) return true;
  const auto* container = find(task, name);
  for (const auto& dependency : container->depends_on) {
    if (has_cycle(task, dependency.container_name, open, done)) return true;
  }
  open.erase(name);
  done.insert(name);
  return false;
}

AwsResult<void> check_identity(const ContainerDefinition& container) {
  if (container.name.empty()) return refuse("Container.name should not be null or empty.");
  if (!is_valid_name(container.name)) {
    return refuse(format("Container.name contains invalid characters: '{}'.", container.name));
  }
  if (container.image.empty()) return refuse("Container.image should not be null or empty.");
  if (container.image.size() > 255 + 72) return refuse("Container.image is longer than 255 characters.");
  if (!container.unsupported.empty()) {
    return refuse(format("{} of container '{}' is not supported by this control plane.",
                         container.unsupported.front(), container.name));
  }
  return {};
}

}  // namespace

AwsResult<void> complete_container(ContainerDefinition& container, const TaskDefinition& task) {
  TRY(check_identity(container));
  if (!container.essential) container.essential = true;
  if (container.cpu < 0)
    return refuse(format("Invalid setting for container '{}'. 'cpu' is negative.", container.name));
  TRY(check_memory(container, task));
  TRY(complete_ports(container, task));
  TRY(check_health_check(container));
  TRY(check_restart_policy(container));
  TRY(check_mounts(container, task));
  TRY(check_ulimits(container));
  TRY(check_sysctls(container, task));
  TRY(check_log_driver(container));
  TRY(check_linux_parameters(container));
  TRY(check_range("startTimeout", container.start_timeout, 2, 3600, container.name));
  return check_range("stopTimeout", container.stop_timeout, 2, 3600, container.name);
}

AwsResult<void> check_dependencies(const TaskDefinition& task) {
  for (const auto& container : task.container_definitions) {
    for (const auto& dependency : container.depends_on) TRY(check_dependency(task, container, dependency));
    for (const auto& from : container.volumes_from) {
      const auto* source = find(task, from.source_container);
      if (source != nullptr && source != &container) continue;
      return refuse(
          format("Container '{}' takes volumes from '{}', which is not another container of the task.",
                 container.name, from.source_container));
    }
  }
  std::set<std::string> open;
  std::set<std::string> done;
  for (const auto& container : task.container_definitions) {
    if (has_cycle(task, container.name, open, done)) {
      return refuse(format("The dependencies of container '{}' form a cycle.", container.name));
    }
  }
  return {};
}

}  // namespace gantry::api
