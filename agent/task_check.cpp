#include "agent/task_plan.h"
#include "agent/volumes.h"

#include <algorithm>
#include <set>

namespace gantry::agent {

namespace {

template <class... Args>
Error refusal(fmt::format_string<Args...> text, Args&&... args) {
  return Error::make(ErrorKind::unsupported, "HostConfigError: {}",
                     format(text, std::forward<Args>(args)...));
}

Result<void> check_modes(const api::PayloadTask& task) {
  static const std::set<std::string> networks = {"", "bridge", "host", "none"};
  if (!networks.contains(task.network_mode)) {
    return refusal("network mode {} isn't supported by this agent, only bridge, host and none are",
                   task.network_mode);
  }
  if (!task.pid_mode.empty()) return refusal("pidMode {} isn't supported by this agent", task.pid_mode);
  if (!task.ipc_mode.empty() && task.ipc_mode != "none") {
    return refusal("ipcMode {} isn't supported by this agent", task.ipc_mode);
  }
  if (task.enable_fault_injection) return refusal("fault injection isn't supported by this agent");
  if (task.role_credentials && !task.role_credentials->credentials_id.empty()) {
    return refusal("task role credentials aren't supported by this agent: taskRoleArn {}",
                   task.role_credentials->role_arn);
  }
  return {};
}

Result<void> check_limits(const api::PayloadTask& task, const Config& config, const HostCapabilities& host) {
  if (!config.task_limits || config.best_effort_limits) return {};
  if (task.cpu.value_or(0) > 0 && !host.limits_cpu) {
    return refusal("task cpu {}: this host has no cgroup v2 cpu controller to enforce it", *task.cpu);
  }
  if (task.memory.value_or(0) > 0 && !host.limits_memory) {
    return refusal("task memory {} MiB: this host has no cgroup v2 memory controller to enforce it",
                   *task.memory);
  }
  return {};
}

Result<void> check_members(const api::PayloadTask& task, const api::PayloadContainer& container) {
  const auto& name = container.name;
  if (container.image.empty()) return refusal("container {}: image is missing", name);
  if (!container.links.empty()) return refusal("container {}: links aren't supported by this agent", name);
  if (!container.secrets.empty()) {
    return Error::make(
        ErrorKind::unsupported,
        "ResourceInitializationError: container {}: secret {}: secrets aren't supported by this agent", name,
        container.secrets[0].name);
  }
  if (container.registry_authentication && container.registry_authentication->type != "ecr") {
    return refusal("container {}: registry authentication {} isn't supported by this agent, only ecr is",
                   name, container.registry_authentication->type);
  }
  for (const auto& port : container.port_mappings) {
    if (!port.container_port_range.empty()) {
      return refusal("container {}: containerPortRange {} isn't supported by this agent", name,
                     port.container_port_range);
    }
    if (port.container_port == 0) return refusal("container {}: containerPort must be 1 to 65535", name);
    const bool fixed = port.host_port == 0 || port.host_port == port.container_port;
    if (task.network_mode == "host" && !fixed) {
      return refusal("container {}: hostPort {} must be the containerPort {} in network mode host", name,
                     port.host_port, port.container_port);
    }
  }
  if (task.memory.value_or(0) > 0 && container.memory > *task.memory) {
    return refusal("container memory limit({}) greater than task memory limit({})", container.memory,
                   *task.memory);
  }
  return {};
}

Result<void> check_docker_parts(const api::PayloadContainer& container, const Config& config) {
  const auto& name = container.name;
  if (!container.docker_config) return {};
  const auto host = TRY(api::parse_docker_host_config(
      container.docker_config->host_config.empty() ? "{}" : container.docker_config->host_config,
      format("HostConfigError: container {}: hostConfig", name)));
  if (host.privileged && config.disable_privileged)
    return refusal("container {}: privileged is disabled here", name);
  if (host.memory_swappiness) {
    return refusal("container {}: swappiness has no counterpart in cgroup v2 and isn't supported", name);
  }
  for (const auto& option : host.security_opt) {
    if (option == "no-new-privileges" || option == "no-new-privileges:true") continue;
    return refusal("container {}: dockerSecurityOptions {} isn't supported by this agent", name, option);
  }
  if (!host.log_config) return {};
  const auto& log = *host.log_config;
  const bool available =
      std::find(config.log_drivers.begin(), config.log_drivers.end(), log.type) != config.log_drivers.end();
  if (!available) return refusal("container {}: logDriver {} isn't available on this host", name, log.type);
  static const std::set<std::string> options = {"max-size", "max-file"};
  for (const auto& [option, value] : log.config) {
    if (!options.contains(option))
      return refusal("container {}: log option {} isn't supported", name, option);
  }
  return {};
}

Result<void> check_dependencies_of(const api::PayloadTask& task, const api::PayloadContainer& container) {
  static const std::set<std::string> conditions = {"START", "COMPLETE", "SUCCESS", "HEALTHY"};
  for (const auto& dependency : container.depends_on) {
    if (!conditions.contains(dependency.condition)) {
      return refusal("container {}: dependsOn condition {} isn't known", container.name,
                     dependency.condition);
    }
    const bool there = std::any_of(task.containers.begin(), task.containers.end(), [&](const auto& other) {
      return other.name == dependency.container_name;
    });
    if (!there)
      return refusal("container {}: dependsOn: there is no container {}", container.name,
                     dependency.container_name);
  }
  return {};
}

}  // namespace

Result<void> check_task(const api::PayloadTask& task, const Config& config, const HostCapabilities& host) {
  TRY(check_modes(task));
  TRY(check_limits(task, config, host));
  for (size_t i = 0; i < task.containers.size(); ++i) {
    const auto& container = task.containers[i];
    TRY(check_members(task, container));
    TRY(check_docker_parts(container, config));
    TRY(check_dependencies_of(task, container));
    const auto spec = TRY(plan_container(task, i, config));
    TRY(engine::check_spec(spec).context("HostConfigError: container {}", container.name));
  }
  return {};
}

}  // namespace gantry::agent
