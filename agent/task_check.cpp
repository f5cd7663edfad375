#include "agent/task_plan.h"
#include "agent/volumes.h"
#include "base/text.h"

#include <algorithm>
#include <set>

namespace gantry::agent {

namespace {

template <class... Args>
Error refusal(fmt::format_string<Args...> text, Args&&... args) {
  return Error::make(ErrorKind::unsupported, "HostConfigError: {}",
                     format(text, std::forward<Args>(args)...));
}

Result<void> check_given(const std::vector<std::string>& unsupported, std::string_view whose) {
  if (unsupported.empty()) return {};
  return refusal("{}{} isn't supported by this agent", whose, unsupported.front());
}

Result<void> check_modes(const api::PayloadTask& task) {
  if (task.desired_status != "RUNNING") {
    return refusal("desiredStatus {} isn't known, only RUNNING and STOPPED are", task.desired_status);
  }
  static const std::set<std::string> networks = {"", "bridge", "host", "none"};
  if (!networks.contains(task.network_mode)) {
    return refusal("network mode {} isn't supported by this agent, only bridge, host and none are",
                   task.network_mode);
  }
  if (!task.pid_mode.empty() && task.pid_mode != "host") {
    return refusal("pidMode {} isn't supported by this agent, only host is", task.pid_mode);
  }
  if (!task.ipc_mode.empty() && task.ipc_mode != "none" && task.ipc_mode != "host") {
    return refusal("ipcMode {} isn't supported by this agent, only host and none are", task.ipc_mode);
  }
  if (task.enable_fault_injection) return refusal("fault injection isn't supported by this agent");
  if (task.role_credentials && !task.role_credentials->credentials_id.empty()) {
    return refusal("task role credentials aren't supported by this agent: taskRoleArn {}",
                   task.role_credentials->role_arn);
  }
  return check_given(task.unsupported, "");
}

// Also of volumes that no container mounts.
Result<void> check_volume_kinds(const api::PayloadTask& task) {
  for (const auto& volume : task.volumes) {
    const bool docker = volume.docker_volume_configuration.has_value();
    const bool host = !docker && volume.unsupported.empty() && (volume.type.empty() || volume.type == "host");
    if (host) continue;
    const auto given = docker                       ? std::string("dockerVolumeConfiguration")
                       : volume.unsupported.empty() ? "type " + volume.type
                                                    : volume.unsupported.front();
    return Error::make(
        ErrorKind::unsupported,
        "InvalidVolumeError: volume {}: {} isn't supported by this agent, only host volumes are", volume.name,
        given);
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

bool uses_execution_role(const api::PayloadContainer& container) {
  const auto& authentication = container.registry_authentication;
  return authentication && authentication->ecr_auth_data && authentication->ecr_auth_data->use_execution_role;
}

Result<void> check_members(const api::PayloadTask& task, const api::PayloadContainer& container) {
  const auto& name = container.name;
  if (container.image.empty()) return refusal("container {}: image is missing", name);
  TRY(check_given(container.unsupported, format("container {}: ", name)));
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
  if (uses_execution_role(container)) {
    return refusal(
        "container {}: registryAuthentication.ecrAuthData.useExecutionRole isn't supported by this agent: it "
        "pulls with its own credentials",
        name);
  }
  if (task.memory.value_or(0) > 0 && container.memory > *task.memory) {
    return refusal("container memory limit({}) greater than task memory limit({})", container.memory,
                   *task.memory);
  }
  return {};
}

Result<void> check_port(const api::PayloadTask& task, const api::PayloadContainer& container,
                        const api::PayloadPortMapping& port) {
  const auto& name = container.name;
  if (!port.container_port_range.empty()) {
    return refusal("container {}: containerPortRange {} isn't supported by this agent", name,
                   port.container_port_range);
  }
  if (port.container_port == 0) return refusal("container {}: containerPort must be 1 to 65535", name);
  if (!port.protocol.empty() && port.protocol != "tcp" && port.protocol != "udp") {
    return refusal("container {}: protocol {} of port {} must be tcp or udp", name, port.protocol,
                   port.container_port);
  }
  const bool fixed = port.host_port == 0 || port.host_port == port.container_port;
  if (task.network_mode == "host" && !fixed) {
    return refusal("container {}: hostPort {} must be the containerPort {} in network mode host", name,
                   port.host_port, port.container_port);
  }
  return {};
}

// `docker`: hostConfig's word on the network must be the task's, which is the one that counts.
Result<void> check_network(const api::PayloadTask& task, const api::PayloadContainer& container,
                           const api::DockerConfig& config, const api::DockerHostConfig& docker) {
  const auto& name = container.name;
  const std::string mode = task.network_mode.empty() ? "bridge" : task.network_mode;
  const auto given = docker.network_mode == "default" ? "bridge" : docker.network_mode;
  if (!given.empty() && given != mode) {
    return refusal("container {}: hostConfig.NetworkMode {} differs from the task's networkMode {}", name,
                   given, mode);
  }
  for (const auto& port : container.port_mappings) TRY(check_port(task, container, port));
  const bool unreachable = mode == "none" || config.network_disabled;
  if (!unreachable || container.port_mappings.empty()) return {};
  return refusal("container {}: portMappings need a network, found {}", name,
                 mode == "none" ? "networkMode none" : "NetworkDisabled");
}

Result<void> check_health(const api::PayloadContainer& container, const api::DockerConfig& config) {
  const auto& type = container.health_check_type;
  if (type.empty()) return {};
  if (to_lower(type) != "docker") {
    return refusal("container {}: healthCheckType {} isn't known, only DOCKER is", container.name, type);
  }
  if (config.healthcheck) return {};
  return refusal("container {}: healthCheckType {} needs a Healthcheck in dockerConfig.config",
                 container.name, type);
}

Result<void> check_log(const api::DockerLogConfig& log, const std::string& name, const Config& config) {
  const auto& drivers = config.log_drivers;
  if (std::find(drivers.begin(), drivers.end(), log.type) == drivers.end()) {
    return refusal("container {}: logDriver {} isn't available on this host", name, log.type);
  }
  static const std::set<std::string> options = {"max-size", "max-file"};
  for (const auto& [option, value] : log.config) {
    if (log.type == "none" || !options.contains(option))
      return refusal("container {}: log option {} isn't supported", name, option);
  }
  return {};
}

Result<void> check_docker_parts(const api::PayloadTask& task, const api::PayloadContainer& container,
                                const Config& config) {
  const auto& name = container.name;
  const auto given = container.docker_config.value_or(api::PayloadDockerConfig{});
  const auto source = format("HostConfigError: container {}", name);
  const auto text = [](const std::string& part) { return part.empty() ? std::string("{}") : part; };
  const auto docker = TRY(api::parse_docker_config(text(given.config), source + ": config"));
  const auto host = TRY(api::parse_docker_host_config(text(given.host_config), source + ": hostConfig"));
  TRY(check_given(docker.unsupported, format("container {}: dockerConfig.config ", name)));
  TRY(check_given(host.unsupported, format("container {}: dockerConfig.hostConfig ", name)));
  if ((host.privileged || container.privileged) && config.disable_privileged)
    return refusal("container {}: privileged is disabled here", name);
  if (host.memory_swappiness) {
    return refusal("container {}: swappiness has no counterpart in cgroup v2 and isn't supported", name);
  }
  for (const auto& option : host.security_opt) {
    if (option == "no-new-privileges" || option == "no-new-privileges:true") continue;
    return refusal("container {}: dockerSecurityOptions {} isn't supported by this agent", name, option);
  }
  TRY(check_network(task, container, docker, host));
  TRY(check_health(container, docker));
  if (host.log_config) TRY(check_log(*host.log_config, name, config));
  return {};
}

Result<void> check_overrides(const api::PayloadContainer& container) {
  if (container.overrides.empty()) return {};
  const auto source = format("HostConfigError: container {}: overrides", container.name);
  const auto overrides = TRY(api::parse_container_overrides(container.overrides, source));
  return check_given(overrides.unsupported, format("container {}: overrides.", container.name));
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
  TRY(check_volume_kinds(task));
  TRY(check_limits(task, config, host));
  for (size_t i = 0; i < task.containers.size(); ++i) {
    const auto& container = task.containers[i];
    TRY(check_members(task, container));
    TRY(check_docker_parts(task, container, config));
    TRY(check_overrides(container));
    TRY(check_dependencies_of(task, container));
    const auto spec = TRY(plan_container(task, i, config));
    TRY(engine::check_spec(spec).context("HostConfigError: container {}", container.name));
  }
  return {};
}

}  // namespace gantry::agent
