#include "api/container_rules.h"

#include "api/image_name.h"
#include "api/task_definition_rules.h"
#include "base/format.h"
#include "base/text.h"

#include <algorithm>
#include <set>

namespace gantry::api {
namespace {

using http::AwsError;
using http::AwsResult;

constexpr int smallest_memory = 6;  // MiB; what Docker 20.10 and later accept at least

AwsResult<void> check_memory(const ContainerDefinition& container, const TaskDefinition& task) {
  if (!container.memory && !container.memory_reservation && task.memory.empty()) {
    return rule_broken(
        format("Invalid setting for container '{}'. At least one of 'memory' or 'memoryReservation' "
               "must be specified.",
               container.name));
  }
  const auto limit = task.memory.empty() ? std::string() : TRY(normal_memory(task.memory));
  return check_memory_sizes(container.name, container.memory, container.memory_reservation, limit);
}

AwsResult<void> check_health_check(const ContainerDefinition& container) {
  if (!container.health_check) return {};
  const auto& check = *container.health_check;
  const auto& command = check.command;
  const bool known =
      !command.empty() && (command[0] == "CMD" || command[0] == "CMD-SHELL" || command[0] == "NONE");
  if (!known || (command[0] != "NONE" && command.size() < 2)) {
    return rule_broken(
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
  const auto codes = container.restart_policy->ignored_exit_codes.size();
  if (codes > 50) {
    return rule_broken(format("restartPolicy of container '{}' has {} ignored exit codes, more than 50.",
                              container.name, codes));
  }
  return check_range("restartPolicy.restartAttemptPeriod", container.restart_policy->restart_attempt_period,
                     60, 1800, container.name);
}

AwsResult<void> check_mount_path(const std::string& path, const std::string& container) {
  const auto parts = split(path, '/');
  const bool climbs = std::find(parts.begin(), parts.end(), "..") != parts.end();
  if (path.size() > 1 && path.front() == '/' && !climbs) return {};
  return rule_broken(format(
      "Invalid containerPath '{}' in container '{}'. It must be an absolute path other than '/', without "
      "'..'.",
      path, container));
}

AwsResult<void> check_mounts(const ContainerDefinition& container, const TaskDefinition& task) {
  for (const auto& mount : container.mount_points) {
    const bool known = std::any_of(task.volumes.begin(), task.volumes.end(),
                                   [&](const Volume& volume) { return volume.name == mount.source_volume; });
    if (!known) return rule_broken(format("Unknown volume '{}'.", mount.source_volume));
    TRY(check_mount_path(mount.container_path, container.name));
  }
  if (!container.linux_parameters) return {};
  for (const auto& tmpfs : container.linux_parameters->tmpfs) {
    TRY(check_mount_path(tmpfs.container_path, container.name));
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
    return rule_broken(format("Container '{}' depends on '{}', which is not another container of the task.",
                              container.name, dependency.container_name));
  }
  const auto& condition = dependency.condition;
  if (condition == "START") return {};
  if (condition == "HEALTHY") {
    if (target->health_check && target->health_check->command[0] != "NONE") return {};
    return rule_broken(format("Container '{}' depends on '{}' being HEALTHY, but it has no health check.",
                              container.name, target->name));
  }
  if (condition != "COMPLETE" && condition != "SUCCESS") {
    return rule_broken(
        format("Invalid dependency condition '{}'. It should be one of [START,COMPLETE,SUCCESS,HEALTHY].",
               condition));
  }
  if (!*target->essential) return {};
  return rule_broken(
      format("A dependency on essential container '{}' can't have condition {}.", target->name, condition));
}

AwsError mounted_twice(const std::string& path, const std::string& container) {
  return rule_broken(format("Duplicate containerPath '{}' in container '{}'.", path, container));
}

// A path is mounted once: by a mount point or a tmpfs. A mount point of the container's own stands before one
// that volumesFrom brings.
AwsResult<void> check_mounted_once(const TaskDefinition& task, const ContainerDefinition& container) {
  std::set<std::string> paths;
  for (const auto& mount : container.mount_points) {
    if (!paths.insert(mount.container_path).second)
      return mounted_twice(mount.container_path, container.name);
  }
  for (const auto& from : container.volumes_from) {
    for (const auto& mount : find(task, from.source_container)->mount_points)
      paths.insert(mount.container_path);
  }
  if (!container.linux_parameters) return {};
  for (const auto& tmpfs : container.linux_parameters->tmpfs) {
    if (!paths.insert(tmpfs.container_path).second)
      return mounted_twice(tmpfs.container_path, container.name);
  }
  return {};
}

AwsResult<void> check_volumes_from(const TaskDefinition& task, const ContainerDefinition& container) {
  for (const auto& from : container.volumes_from) {
    const auto* source = find(task, from.source_container);
    if (source != nullptr && source != &container) continue;
    return rule_broken(
        format("Container '{}' takes volumes from '{}', which is not another container of the task.",
               container.name, from.source_container));
  }
  return {};
}

// Containers of a task share the host's ports.
AwsResult<void> check_host_ports(const TaskDefinition& task) {
  std::set<std::pair<std::string, int>> taken;
  for (const auto& container : task.container_definitions) {
    for (const auto& mapping : container.port_mappings) {
      const auto port = mapping.host_port.value_or(0);
      if (port == 0 || task.network_mode != "bridge" || taken.emplace(mapping.protocol, port).second)
        continue;
      return rule_broken(
          format("Host port {} of container '{}' is mapped by another container of the task too.", port,
                 container.name));
    }
  }
  return {};
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
  if (container.name.empty()) return rule_broken("Container.name should not be null or empty.");
  if (!is_valid_name(container.name)) {
    return rule_broken(format("Container.name contains invalid characters: '{}'.", container.name));
  }
  if (container.image.empty()) return rule_broken("Container.image should not be null or empty.");
  if (const auto image = ImageName::parse(container.image); !image) {
    return rule_broken(
        format("Invalid image of container '{}'. {}.", container.name, image.error().message()));
  }
  if (!container.unsupported.empty()) {
    return rule_broken(format("{} of container '{}' is not supported by this control plane.",
                              container.unsupported.front(), container.name));
  }
  return {};
}

// Not given means enabled, as in ECS: a service's tasks run the digest that its first one found.
AwsResult<void> check_version_consistency(const ContainerDefinition& container) {
  const auto& value = container.version_consistency;
  if (value.empty() || value == "enabled" || value == "disabled") return {};
  return rule_broken(
      format("Invalid versionConsistency '{}' in container '{}'. It should be one of [enabled,disabled].",
             value, container.name));
}

}  // namespace

http::AwsError rule_broken(std::string message) {
  return AwsError{"ClientException", std::move(message)};
}

AwsResult<void> check_range(std::string_view what, const std::optional<int>& value, int least, int most,
                            const std::string& container) {
  if (!value || (*value >= least && *value <= most)) return {};
  return rule_broken(format("Invalid setting for container '{}'. {} must be between {} and {}, found {}.",
                            container, what, least, most, *value));
}

AwsResult<void> check_memory_sizes(const std::string& container, const std::optional<int>& memory,
                                   const std::optional<int>& reservation, const std::string& task_memory) {
  for (const auto& value : {memory, reservation}) {
    if (!value || *value >= smallest_memory) continue;
    return rule_broken(format("Invalid setting for container '{}'. Memory must be at least {} MiB, found {}.",
                              container, smallest_memory, *value));
  }
  if (memory && reservation && *memory <= *reservation) {
    return rule_broken(
        format("Invalid setting for container '{}'. The 'memory' ({}) must be greater than the "
               "'memoryReservation' ({}).",
               container, *memory, *reservation));
  }
  if (task_memory.empty() || !memory || *memory <= std::stoll(task_memory)) return {};
  return rule_broken("The 'memory' setting for container is greater than for the task.");
}

AwsResult<void> complete_container(ContainerDefinition& container, const TaskDefinition& task) {
  TRY(check_identity(container));
  if (!container.essential) container.essential = true;
  TRY(check_range("cpu", container.cpu, 0, INT32_MAX, container.name));
  TRY(check_memory(container, task));
  TRY(complete_ports(container, task));
  TRY(check_health_check(container));
  TRY(check_restart_policy(container));
  TRY(check_mounts(container, task));
  TRY(check_version_consistency(container));
  TRY(check_host_members(container, task));
  TRY(check_range("startTimeout", container.start_timeout, 2, 3600, container.name));
  return check_range("stopTimeout", container.stop_timeout, 2, 3600, container.name);
}

AwsResult<void> check_dependencies(const TaskDefinition& task) {
  for (const auto& container : task.container_definitions) {
    for (const auto& dependency : container.depends_on) TRY(check_dependency(task, container, dependency));
    TRY(check_volumes_from(task, container));
    TRY(check_mounted_once(task, container));
  }
  TRY(check_host_ports(task));
  std::set<std::string> open;
  std::set<std::string> done;
  for (const auto& container : task.container_definitions) {
    if (has_cycle(task, container.name, open, done)) {
      return rule_broken(format("The dependencies of container '{}' form a cycle.", container.name));
    }
  }
  return {};
}

}  // namespace gantry::api
