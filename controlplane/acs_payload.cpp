#include "controlplane/acs_payload.h"

#include "base/random.h"
#include "base/text.h"

#include <algorithm>
#include <cmath>

namespace gantry::controlplane {

namespace {

constexpr int64_t mebibyte = 1 << 20;
constexpr int64_t nanoseconds = 1'000'000'000;

const api::ContainerOverride* override_of(const Task& task, const std::string& name) {
  for (const auto& each : task.overrides.container_overrides) {
    if (each.name == name) return &each;
  }
  return nullptr;
}

api::DockerHealthcheck healthcheck(const api::HealthCheck& check) {
  api::DockerHealthcheck docker;
  docker.test = check.command;
  docker.interval = check.interval.value_or(30) * nanoseconds;
  docker.timeout = check.timeout.value_or(5) * nanoseconds;
  docker.retries = check.retries.value_or(3);
  docker.start_period = check.start_period.value_or(0) * nanoseconds;
  return docker;
}

api::DockerConfig docker_config(const api::ContainerDefinition& definition) {
  api::DockerConfig config;
  config.user = definition.user;
  config.working_dir = definition.working_directory;
  config.hostname = definition.hostname;
  config.labels = definition.docker_labels;
  if (definition.health_check) config.healthcheck = healthcheck(*definition.health_check);
  config.tty = definition.pseudo_terminal.value_or(false);
  config.open_stdin = definition.interactive.value_or(false);
  config.network_disabled = definition.disable_networking.value_or(false);
  return config;
}

api::DockerDevice docker_device(const api::Device& device) {
  api::DockerDevice docker;
  docker.path_on_host = device.host_path;
  docker.path_in_container = device.container_path.empty() ? device.host_path : device.container_path;
  for (const auto& permission : device.permissions) {
    if (permission == "read") docker.cgroup_permissions += 'r';
    if (permission == "write") docker.cgroup_permissions += 'w';
    if (permission == "mknod") docker.cgroup_permissions += 'm';
  }
  if (docker.cgroup_permissions.empty()) docker.cgroup_permissions = "rwm";
  return docker;
}

std::string tmpfs_options(const api::Tmpfs& tmpfs) {
  auto options = tmpfs.mount_options;
  options.push_back(format("size={}m", tmpfs.size));
  return join(options, ",");
}

void add_linux_parameters(api::DockerHostConfig& host, const api::LinuxParameters& linux_parameters,
                          const std::optional<int>& memory) {
  if (linux_parameters.capabilities) {
    host.cap_add = linux_parameters.capabilities->add;
    host.cap_drop = linux_parameters.capabilities->drop;
  }
  for (const auto& device : linux_parameters.devices) host.devices.push_back(docker_device(device));
  host.init = linux_parameters.init_process_enabled;
  if (linux_parameters.shared_memory_size) host.shm_size = *linux_parameters.shared_memory_size * mebibyte;
  for (const auto& tmpfs : linux_parameters.tmpfs) host.tmpfs[tmpfs.container_path] = tmpfs_options(tmpfs);
  // Docker counts memory and swap together.
  if (linux_parameters.max_swap && memory) {
    host.memory_swap = (int64_t{*memory} + *linux_parameters.max_swap) * mebibyte;
  }
  if (linux_parameters.swappiness) host.memory_swappiness = *linux_parameters.swappiness;
}

api::DockerHostConfig docker_host_config(const api::ContainerDefinition& definition,
                                         const std::string& network_mode, const std::optional<int>& memory,
                                         const std::optional<int>& memory_reservation) {
  api::DockerHostConfig host;
  host.network_mode = network_mode;
  if (memory_reservation) host.memory_reservation = *memory_reservation * mebibyte;
  if (definition.linux_parameters) add_linux_parameters(host, *definition.linux_parameters, memory);
  for (const auto& limit : definition.ulimits) {
    host.ulimits.push_back({limit.name, limit.soft_limit, limit.hard_limit});
  }
  if (const auto& log = definition.log_configuration) host.log_config = {log->log_driver, log->options};
  host.dns = definition.dns_servers;
  host.dns_search = definition.dns_search_domains;
  for (const auto& entry : definition.extra_hosts) {
    host.extra_hosts.push_back(entry.hostname + ":" + entry.ip_address);
  }
  host.privileged = definition.privileged.value_or(false);
  host.readonly_rootfs = definition.readonly_root_filesystem.value_or(false);
  host.security_opt = definition.docker_security_options;
  for (const auto& control : definition.system_controls) {
    host.sysctls[control.sysctl_namespace] = control.value;
  }
  return host;
}

// The least Docker API that has what the container uses: health checks need 1.24, an init process 1.25.
std::string docker_version(const api::ContainerDefinition& definition) {
  if (definition.linux_parameters && definition.linux_parameters->init_process_enabled.value_or(false))
    return "1.25";
  return definition.health_check ? "1.24" : "1.21";
}

std::vector<api::PayloadPortMapping> port_mappings(const api::ContainerDefinition& definition,
                                                   const std::string& network_mode) {
  std::vector<api::PayloadPortMapping> ports;
  for (const auto& mapping : definition.port_mappings) {
    const int fallback = network_mode == "bridge" ? 0 : mapping.container_port;
    api::PayloadPortMapping port;
    port.container_port = static_cast<uint16_t>(mapping.container_port);
    port.host_port = static_cast<uint16_t>(mapping.host_port.value_or(fallback));
    port.protocol = mapping.protocol.empty() ? "tcp" : mapping.protocol;
    ports.push_back(port);
  }
  return ports;
}

std::map<std::string, std::string> environment(const api::ContainerDefinition& definition,
                                               const api::ContainerOverride* override_) {
  std::map<std::string, std::string> all;
  for (const auto& pair : definition.environment) all[pair.name] = pair.value;
  if (override_ == nullptr) return all;
  for (const auto& pair : override_->environment) all[pair.name] = pair.value;
  return all;
}

void add_relations(api::PayloadContainer& container, const api::ContainerDefinition& definition) {
  for (const auto& mount : definition.mount_points) {
    container.mount_points.push_back(
        {mount.source_volume, mount.container_path, mount.read_only.value_or(false)});
  }
  for (const auto& volume : definition.volumes_from) {
    container.volumes_from.push_back({volume.source_container, volume.read_only.value_or(false)});
  }
  for (const auto& dependency : definition.depends_on) {
    container.depends_on.push_back({dependency.container_name, dependency.condition});
  }
  if (definition.start_timeout) container.start_timeout = *definition.start_timeout;
  if (definition.stop_timeout) container.stop_timeout = *definition.stop_timeout;
  if (const auto& policy = definition.restart_policy) {
    container.restart_policy = api::PayloadRestartPolicy{policy->enabled, policy->ignored_exit_codes,
                                                         policy->restart_attempt_period.value_or(300)};
  }
}

bool is_checked(const api::ContainerDefinition& definition) {
  return definition.health_check && !definition.health_check->command.empty() &&
         definition.health_check->command.front() != "NONE";
}

api::PayloadContainer payload_container(const Task& task, const api::ContainerDefinition& definition,
                                        const std::string& network_mode, const PayloadOrigin& origin) {
  const auto* override_ = override_of(task, definition.name);
  const auto memory = override_ != nullptr && override_->memory ? override_->memory : definition.memory;
  const auto reservation = override_ != nullptr && override_->memory_reservation
                               ? override_->memory_reservation
                               : definition.memory_reservation;
  api::PayloadContainer container;
  container.name = definition.name;
  container.image = definition.image;
  container.cpu = override_ != nullptr && override_->cpu ? *override_->cpu : definition.cpu;
  container.memory = memory.value_or(0);
  container.essential = definition.essential.value_or(true);
  container.command =
      override_ != nullptr && !override_->command.empty() ? override_->command : definition.command;
  container.entry_point = definition.entry_point;
  container.environment = environment(definition, override_);
  container.port_mappings = port_mappings(definition, network_mode);
  add_relations(container, definition);
  if (is_checked(definition)) container.health_check_type = "DOCKER";
  container.registry_authentication = origin.registries.authentication(definition.image, origin.identity);
  for (const auto& each : task.containers) {
    if (each.name != definition.name) continue;
    container.container_arn = each.container_arn;
    if (!each.image.empty()) container.image = each.image;  // by digest, if its deployment has pinned it
  }
  container.docker_config = api::PayloadDockerConfig{
      docker_version(definition), to_json_text(docker_config(definition)),
      to_json_text(docker_host_config(definition, network_mode, memory, reservation))};
  return container;
}

api::PayloadVolume payload_volume(const api::Volume& volume) {
  api::PayloadVolume payload;
  payload.name = volume.name;
  payload.type = "host";
  payload.host = api::PayloadVolumeHost{volume.host ? volume.host->source_path : ""};
  return payload;
}

// A task's own value, else its definition's; absent when neither has one.
std::optional<int64_t> task_value(const std::string& own, const std::string& defined) {
  const auto& text = own.empty() ? defined : own;
  if (text.empty()) return std::nullopt;
  const auto value = parse_unsigned("task size", text, INT32_MAX);
  if (!value) return std::nullopt;
  return static_cast<int64_t>(*value);
}

int64_t milliseconds(api::EpochSeconds time) {
  return static_cast<int64_t>(std::llround(time * 1000));
}

void add_if_live(InstanceTasks& live, const State& state, const std::string& arn) {
  const auto task = state.task(arn);
  if (!task || task->stopped()) return;
  const auto definition = state.task_definition(task->task_definition_arn);
  if (!definition) return;
  live.tasks.push_back(task);
  live.definitions.push_back(definition);
}

}  // namespace

api::PayloadTask payload_task(const Task& task, const TaskDefinition& definition,
                              const PayloadOrigin& origin) {
  api::PayloadTask payload;
  payload.arn = task.task_arn;
  payload.family = definition.family;
  payload.version = std::to_string(definition.revision);
  payload.desired_status = task.wanted() ? "RUNNING" : "STOPPED";
  payload.task_definition_account_id = origin.identity.account;
  if (const auto cpu = task_value(task.overrides.cpu, definition.cpu)) {
    payload.cpu = static_cast<double>(*cpu) / 1024;
  }
  payload.memory = task_value(task.overrides.memory, definition.memory);
  payload.network_mode = definition.network_mode.empty() ? "bridge" : definition.network_mode;
  payload.pid_mode = definition.pid_mode;
  payload.ipc_mode = definition.ipc_mode;
  for (const auto& container : definition.container_definitions) {
    payload.containers.push_back(payload_container(task, container, payload.network_mode, origin));
  }
  for (const auto& volume : definition.volumes) payload.volumes.push_back(payload_volume(volume));
  payload.launch_type = enum_name(task.launch_type);
  payload.group = task.group;
  if (!task.service_arn.empty()) payload.service_name = api::short_name(task.service_arn);
  payload.task_cluster_arn = task.cluster_arn;
  return payload;
}

InstanceTasks live_tasks(const State& state, const std::string& instance_arn) {
  InstanceTasks live;
  for (const auto& arn : state.tasks_of_instance(instance_arn)) add_if_live(live, state, arn);
  return live;
}

InstanceTasks live_tasks(const State& state, const std::vector<std::string>& task_arns) {
  InstanceTasks live;
  for (const auto& arn : task_arns) add_if_live(live, state, arn);
  return live;
}

api::PayloadMessage payload_message(const ContainerInstance& instance, int64_t sequence_number,
                                    const InstanceTasks& tasks, api::EpochSeconds now,
                                    const PayloadOrigin& origin) {
  api::PayloadMessage message;
  message.message_id = random_uuid();
  message.cluster_arn = instance.cluster_arn;
  message.container_instance_arn = instance.container_instance_arn;
  message.seq_num = sequence_number;
  message.generated_at = milliseconds(now);
  for (size_t i = 0; i < tasks.tasks.size(); ++i) {
    message.tasks.push_back(payload_task(*tasks.tasks[i], *tasks.definitions[i], origin));
  }
  return message;
}

api::TaskManifestMessage manifest_message(const ContainerInstance& instance, int64_t sequence_number,
                                          const InstanceTasks& tasks, api::EpochSeconds now) {
  api::TaskManifestMessage message;
  message.message_id = random_uuid();
  message.cluster_arn = instance.cluster_arn;
  message.container_instance_arn = instance.container_instance_arn;
  message.timeline = sequence_number;
  message.generated_at = milliseconds(now);
  for (const auto& task : tasks.tasks) {
    message.tasks.push_back({task->task_arn, task->cluster_arn, task->wanted() ? "RUNNING" : "STOPPED"});
  }
  return message;
}

}  // namespace gantry::controlplane
