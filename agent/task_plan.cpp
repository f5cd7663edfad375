#include "agent/task_plan.h"

#include "agent/task.h"
#include "agent/volumes.h"
#include "base/files.h"
#include "base/text.h"

#include <algorithm>
#include <cmath>

namespace gantry::agent {

namespace {

using std::chrono::seconds;

constexpr int64_t mib = int64_t{1} << 20;
constexpr int64_t least_memory = 6;  // MiB: the ECS agent raises lower values to docker's least

std::string task_id(const api::PayloadTask& task) {
  return Task{task, {}}.id();
}

struct DockerParts {
  api::DockerConfig config;
  api::DockerHostConfig host;
};

Result<DockerParts> docker_parts(const api::PayloadContainer& container) {
  DockerParts parts;
  if (!container.docker_config) return parts;
  const auto source = format("container {}: dockerConfig", container.name);
  const auto& given = *container.docker_config;
  if (!given.config.empty()) parts.config = TRY(api::parse_docker_config(given.config, source + ".config"));
  if (!given.host_config.empty()) {
    parts.host = TRY(api::parse_docker_host_config(given.host_config, source + ".hostConfig"));
  }
  return parts;
}

void add_labels(engine::ContainerSpec& spec, const api::PayloadTask& task,
                const api::PayloadContainer& container) {
  spec.labels["com.amazonaws.ecs.task-arn"] = task.arn;
  spec.labels["com.amazonaws.ecs.container-name"] = container.name;
  spec.labels["com.amazonaws.ecs.task-definition-family"] = task.family;
  spec.labels["com.amazonaws.ecs.task-definition-version"] = task.version;
  spec.labels["com.amazonaws.ecs.cluster"] = task.task_cluster_arn;
}

Result<void> add_process(engine::ContainerSpec& spec, const api::PayloadContainer& container,
                         const DockerParts& docker) {
  if (!container.entry_point.empty()) spec.entrypoint = container.entry_point;
  spec.command = container.command;
  if (!container.overrides.empty()) {
    const auto overrides = TRY(api::parse_container_overrides(container.overrides, "overrides"));
    if (!overrides.command.empty()) spec.command = overrides.command;
  }
  for (const auto& [name, value] : container.environment) spec.environment.push_back(name + "=" + value);
  spec.user = docker.config.user;
  spec.working_directory = docker.config.working_dir;
  spec.hostname = docker.config.hostname;
  spec.terminal = docker.config.tty;
  spec.open_stdin = docker.config.open_stdin;
  spec.init = docker.host.init.value_or(false);
  spec.capabilities_added = docker.host.cap_add;
  spec.capabilities_dropped = docker.host.cap_drop;
  spec.privileged = docker.host.privileged || container.privileged;
  spec.read_only_root = docker.host.readonly_rootfs;
  spec.no_new_privileges = !docker.host.security_opt.empty();  // check_task let nothing else through
  spec.sysctls = docker.host.sysctls;
  for (const auto& limit : docker.host.ulimits) {
    const auto value = [](int64_t number) { return number < 0 ? UINT64_MAX : static_cast<uint64_t>(number); };
    spec.ulimits.push_back({to_lower(limit.name), value(limit.soft), value(limit.hard)});
  }
  return {};
}

void add_network(engine::ContainerSpec& spec, const api::PayloadTask& task,
                 const api::PayloadContainer& container, const DockerParts& docker) {
  spec.network = task.network_mode.empty() ? "bridge" : task.network_mode;
  if (docker.config.network_disabled) spec.network = "none";
  spec.dns = docker.host.dns;
  spec.dns_search = docker.host.dns_search;
  spec.extra_hosts = docker.host.extra_hosts;
  if (spec.network != "bridge") return;
  for (const auto& port : container.port_mappings) {
    spec.ports.push_back({{},
                          port.host_port,
                          port.container_port,
                          port.protocol == "udp" ? engine::Protocol::udp : engine::Protocol::tcp});
  }
}

void add_resources(engine::ContainerSpec& spec, const api::PayloadTask& task,
                   const api::PayloadContainer& container, const DockerParts& docker, const Config& config) {
  auto& resources = spec.resources;
  if (container.memory > 0) resources.memory = std::max(container.memory, least_memory) * mib;
  resources.memory_reservation = docker.host.memory_reservation;
  if (docker.host.memory_swap) resources.memory_swap = docker.host.memory_swap;
  resources.cpu_shares = static_cast<uint64_t>(std::clamp<int64_t>(container.cpu, 2, 262'144));
  spec.cgroup_parent = plan_group(task, config).path;
  if (docker.host.shm_size) spec.shm_size = static_cast<uint64_t>(*docker.host.shm_size);
  for (const auto& device : docker.host.devices) {
    spec.devices.push_back({device.path_on_host,
                            device.path_in_container.empty() ? device.path_on_host : device.path_in_container,
                            device.cgroup_permissions.empty() ? "rwm" : device.cgroup_permissions});
  }
}

void add_health(engine::ContainerSpec& spec, const DockerParts& docker, const Config& config) {
  engine::HealthSpec none;
  none.test = {"NONE"};  // ECS ignores an image's own
  spec.health = none;
  if (!docker.config.healthcheck || config.disable_health_checks) return;
  const auto& given = *docker.config.healthcheck;
  engine::HealthSpec health;
  health.test = given.test;
  const auto take = [](std::chrono::nanoseconds& into, int64_t from) {
    if (from > 0) into = std::chrono::nanoseconds(from);
  };
  take(health.interval, given.interval);
  take(health.timeout, given.timeout);
  take(health.start_period, given.start_period);
  take(health.start_interval, given.start_interval);
  if (given.retries > 0) health.retries = static_cast<uint32_t>(given.retries);
  spec.health = health;
}

Result<void> add_logs(engine::ContainerSpec& spec, const DockerParts& docker) {
  if (!docker.host.log_config) return {};
  const auto& log = *docker.host.log_config;
  if (log.type == "none") spec.log.driver = engine::LogDriver::none;
  const auto option = [&](const char* name) {
    const auto found = log.config.find(name);
    return found == log.config.end() ? std::string() : found->second;
  };
  if (const auto size = option("max-size"); !size.empty()) {
    spec.log.maximum_size = TRY(parse_size("log option max-size", size));
  }
  if (const auto files = option("max-file"); !files.empty()) {
    spec.log.maximum_files = static_cast<uint32_t>(TRY(parse_unsigned("log option max-file", files, 1000)));
  }
  return {};
}

void add_restart(engine::ContainerSpec& spec, const api::PayloadContainer& container) {
  if (!container.restart_policy || !container.restart_policy->enabled) return;
  spec.restart.mode = engine::RestartMode::always;
  spec.restart.attempt_period = seconds(container.restart_policy->restart_attempt_period);
  spec.restart.ignored_exit_codes = container.restart_policy->ignored_exit_codes;
}

}  // namespace

std::string container_name(const api::PayloadTask& task, const api::PayloadContainer& container) {
  return format("ecs-{}-{}-{}-{}", task.family, task.version, container.name, task_id(task));
}

RegistryLogin registry_login(const api::PayloadContainer& container, const Config& config) {
  if (!container.registry_authentication || container.registry_authentication->type != "ecr") return {};
  const auto data = container.registry_authentication->ecr_auth_data.value_or(api::PayloadEcrAuthData{});
  return {true, data.region.empty() ? config.region : data.region, data.endpoint_override};
}

seconds stop_timeout(const api::PayloadContainer& container, const Config& config) {
  if (container.stop_timeout) return seconds(*container.stop_timeout);
  return std::chrono::ceil<seconds>(config.stop_timeout);
}

TaskGroup plan_group(const api::PayloadTask& task, const Config& config) {
  TaskGroup group;
  group.path = "/gantry/ecs/" + task_id(task);
  group.cpu_period = config.cpu_period.count();
  int64_t shares = 0;
  for (const auto& container : task.containers) shares += std::max<int64_t>(container.cpu, 2);
  group.cpu_shares = static_cast<uint64_t>(std::clamp<int64_t>(shares, 2, 262'144));
  if (config.task_pids_limit > 0) group.pids = config.task_pids_limit;
  if (!config.task_limits) return group;
  if (task.cpu && *task.cpu > 0) {
    // The kernel takes no quota below 1 ms.
    group.cpu_quota =
        std::max<int64_t>(std::llround(*task.cpu * static_cast<double>(group.cpu_period)), 1000);
    group.cpu_shares = static_cast<uint64_t>(std::clamp<int64_t>(std::llround(*task.cpu * 1024), 2, 262'144));
  }
  if (task.memory && *task.memory > 0) group.memory = *task.memory * mib;
  return group;
}

Result<engine::ContainerSpec> plan_container(const api::PayloadTask& task, size_t index,
                                             const Config& config) {
  const auto& container = task.containers.at(index);
  const auto docker = TRY(docker_parts(container));
  engine::ContainerSpec spec;
  spec.name = container_name(task, container);
  spec.image = container.image;
  spec.labels = docker.config.labels;
  add_labels(spec, task, container);
  TRY(add_process(spec, container, docker));
  if (task.pid_mode == "host") spec.pid_mode = "host";
  if (task.ipc_mode == "host") spec.ipc_mode = "host";  // "none": its own, as without
  add_network(spec, task, container, docker);
  add_resources(spec, task, container, docker, config);
  spec.mounts = TRY(plan_mounts(task, index, docker.host.tmpfs, config));
  add_health(spec, docker, config);
  TRY(add_logs(spec, docker));
  add_restart(spec, container);
  spec.stop_timeout = stop_timeout(container, config);
  return spec;
}

}  // namespace gantry::agent
