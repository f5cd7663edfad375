#include "api/agent_frame.h"
#include "api/unsupported_members.h"

namespace gantry::api {

namespace {

template <class Visitor>
void visit_secret(Visitor& visit, std::string_view name, Secret& secret) {
  std::string text = secret.reveal();
  visit(name, text);
  if constexpr (Visitor::reading) secret = Secret(std::move(text));
}

// False is left out: Docker's and the agent's own default.
template <class Visitor>
void visit_flag(Visitor& visit, std::string_view name, bool& flag) {
  if (Visitor::reading || flag) visit(name, flag);
}

template <class Visitor>
void visit_number(Visitor& visit, std::string_view name, int64_t& number) {
  if (Visitor::reading || number != 0) visit(name, number);
}

}  // namespace

// ---- docker parts ----

template <class Visitor>
void members(Visitor& visit, DockerHealthcheck& check) {
  visit("Test", check.test);
  visit_number(visit, "Interval", check.interval);
  visit_number(visit, "Timeout", check.timeout);
  visit_number(visit, "StartPeriod", check.start_period);
  visit_number(visit, "StartInterval", check.start_interval);
  visit_number(visit, "Retries", check.retries);
}

template <class Visitor>
void members(Visitor& visit, DockerConfig& config) {
  visit("User", config.user);
  visit("WorkingDir", config.working_dir);
  visit("Hostname", config.hostname);
  visit("Labels", config.labels);
  visit("Healthcheck", config.healthcheck);
  visit_flag(visit, "Tty", config.tty);
  visit_flag(visit, "OpenStdin", config.open_stdin);
  visit_flag(visit, "NetworkDisabled", config.network_disabled);
  note_unknown<DockerConfig>(visit, config.unsupported);
}

template <class Visitor>
void members(Visitor& visit, DockerDevice& device) {
  visit.required("PathOnHost", device.path_on_host);
  visit("PathInContainer", device.path_in_container);
  visit("CgroupPermissions", device.cgroup_permissions);
}

template <class Visitor>
void members(Visitor& visit, DockerUlimit& limit) {
  visit.required("Name", limit.name);
  visit("Soft", limit.soft);
  visit("Hard", limit.hard);
}

template <class Visitor>
void members(Visitor& visit, DockerLogConfig& log) {
  visit("Type", log.type);
  visit("Config", log.config);
}

template <class Visitor>
void members(Visitor& visit, DockerHostConfig& config) {
  visit("NetworkMode", config.network_mode);
  visit("MemoryReservation", config.memory_reservation);
  visit("MemorySwap", config.memory_swap);
  visit("MemorySwappiness", config.memory_swappiness);
  visit("CapAdd", config.cap_add);
  visit("CapDrop", config.cap_drop);
  visit("Devices", config.devices);
  visit("Init", config.init);
  visit("ShmSize", config.shm_size);
  visit("Tmpfs", config.tmpfs);
  visit("Ulimits", config.ulimits);
  visit("LogConfig", config.log_config);
  visit("Dns", config.dns);
  visit("DnsSearch", config.dns_search);
  visit("ExtraHosts", config.extra_hosts);
  visit_flag(visit, "Privileged", config.privileged);
  visit_flag(visit, "ReadonlyRootfs", config.readonly_rootfs);
  visit("SecurityOpt", config.security_opt);
  visit("Sysctls", config.sysctls);
  note_unknown<DockerHostConfig>(visit, config.unsupported);
}

// ---- a task in a payload ----

template <class Visitor>
void members(Visitor& visit, PayloadPortMapping& port) {
  visit("containerPort", port.container_port);
  visit("hostPort", port.host_port);
  visit("protocol", port.protocol);
  visit("containerPortRange", port.container_port_range);
}

template <class Visitor>
void members(Visitor& visit, PayloadMountPoint& mount) {
  visit("sourceVolume", mount.source_volume);
  visit("containerPath", mount.container_path);
  visit("readOnly", mount.read_only);
}

template <class Visitor>
void members(Visitor& visit, PayloadVolumeFrom& volume) {
  visit("sourceContainer", volume.source_container);
  visit("readOnly", volume.read_only);
}

template <class Visitor>
void members(Visitor& visit, PayloadSecret& secret) {
  visit("name", secret.name);
  visit("valueFrom", secret.value_from);
  visit("provider", secret.provider);
  visit("region", secret.region);
  visit("type", secret.type);
  visit("target", secret.target);
}

template <class Visitor>
void members(Visitor& visit, PayloadDependency& dependency) {
  visit.required("containerName", dependency.container_name);
  visit.required("condition", dependency.condition);
}

template <class Visitor>
void members(Visitor& visit, PayloadRestartPolicy& policy) {
  visit("enabled", policy.enabled);
  visit("ignoredExitCodes", policy.ignored_exit_codes);
  visit("restartAttemptPeriod", policy.restart_attempt_period);
}

template <class Visitor>
void members(Visitor& visit, PayloadDockerConfig& config) {
  visit("version", config.version);
  visit("config", config.config);
  visit("hostConfig", config.host_config);
}

template <class Visitor>
void members(Visitor& visit, PayloadEcrAuthData& data) {
  visit("registryId", data.registry_id);
  visit("region", data.region);
  visit("endpointOverride", data.endpoint_override);
  visit_flag(visit, "useExecutionRole", data.use_execution_role);
}

template <class Visitor>
void members(Visitor& visit, PayloadRegistryAuthentication& authentication) {
  visit("type", authentication.type);
  visit("ecrAuthData", authentication.ecr_auth_data);
}

template <class Visitor>
void members(Visitor& visit, PayloadContainer& container) {
  visit.required("name", container.name);
  visit("image", container.image);
  visit("cpu", container.cpu);
  visit("memory", container.memory);
  visit("essential", container.essential);
  visit_flag(visit, "privileged", container.privileged);
  visit("command", container.command);
  visit("entryPoint", container.entry_point);
  visit("environment", container.environment);
  visit("portMappings", container.port_mappings);
  visit("mountPoints", container.mount_points);
  visit("volumesFrom", container.volumes_from);
  visit("links", container.links);
  visit("secrets", container.secrets);
  visit("dependsOn", container.depends_on);
  visit("startTimeout", container.start_timeout);
  visit("stopTimeout", container.stop_timeout);
  visit("restartPolicy", container.restart_policy);
  visit("healthCheckType", container.health_check_type);
  visit("registryAuthentication", container.registry_authentication);
  visit("containerArn", container.container_arn);
  visit("overrides", container.overrides);
  visit("dockerConfig", container.docker_config);
  note_unsupported(visit, container.unsupported,
                   {"environmentFiles", "firelensConfiguration", "managedAgents", "resourceRequirements",
                    "linuxParameters", "credentialSpecs", "networkInterfaceNames", "logsAuthStrategy"});
  note_unknown<PayloadContainer>(visit, container.unknown);
}

template <class Visitor>
void members(Visitor& visit, ContainerOverrides& overrides) {
  visit("command", overrides.command);
  note_unknown<ContainerOverrides>(visit, overrides.unsupported);
}

template <class Visitor>
void members(Visitor& visit, PayloadVolumeHost& host) {
  visit("sourcePath", host.source_path);
}

template <class Visitor>
void members(Visitor& visit, PayloadDockerVolume& volume) {
  visit("scope", volume.scope);
  visit("autoprovision", volume.autoprovision);
  visit("driver", volume.driver);
  visit("driverOpts", volume.driver_opts);
  visit("labels", volume.labels);
}

template <class Visitor>
void members(Visitor& visit, PayloadVolume& volume) {
  visit.required("name", volume.name);
  visit("type", volume.type);
  visit("host", volume.host);
  visit("dockerVolumeConfiguration", volume.docker_volume_configuration);
  note_unsupported(visit, volume.unsupported,
                   {"efsVolumeConfiguration", "fsxWindowsFileServerVolumeConfiguration",
                    "ebsVolumeConfiguration", "s3filesVolumeConfiguration", "logDriverVolumeConfiguration"});
  note_unknown<PayloadVolume>(visit, volume.unknown);
}

template <class Visitor>
void members(Visitor& visit, IamRoleCredentials& credentials) {
  visit.required("credentialsId", credentials.credentials_id);
  visit("roleArn", credentials.role_arn);
  visit("accessKeyId", credentials.access_key_id);
  visit_secret(visit, "secretAccessKey", credentials.secret_access_key);
  visit_secret(visit, "sessionToken", credentials.session_token);
  visit("expiration", credentials.expiration);
}

template <class Visitor>
void members(Visitor& visit, PayloadTask& task) {
  visit.required("arn", task.arn);
  visit("family", task.family);
  visit("version", task.version);
  visit.required("desiredStatus", task.desired_status);
  visit("taskDefinitionAccountId", task.task_definition_account_id);
  visit("cpu", task.cpu);
  visit("memory", task.memory);
  visit("containers", task.containers);
  visit("volumes", task.volumes);
  visit("networkMode", task.network_mode);
  visit("pidMode", task.pid_mode);
  visit("ipcMode", task.ipc_mode);
  visit("roleCredentials", task.role_credentials);
  visit("executionRoleCredentials", task.execution_role_credentials);
  visit("launchType", task.launch_type);
  visit("serviceName", task.service_name);
  visit("group", task.group);
  visit("taskClusterArn", task.task_cluster_arn);
  visit("overrides", task.overrides);
  visit_flag(visit, "enableFaultInjection", task.enable_fault_injection);
  note_unsupported(
      visit, task.unsupported,
      {"elasticNetworkInterfaces", "attachments", "associations", "proxyConfiguration",
       "resourceRequirements", "ephemeralStorage", "agentConfiguration", "trustedExecutionConfiguration"});
  if constexpr (Visitor::reading) {
    std::string zone;  // where the host is: nothing to do
    visit("zone", zone);
  }
  note_unknown<PayloadTask>(visit, task.unknown);
}

template <class Visitor>
void members(Visitor& visit, PayloadMessage& message) {
  visit.required("messageId", message.message_id);
  visit.required("clusterArn", message.cluster_arn);
  visit.required("containerInstanceArn", message.container_instance_arn);
  visit("seqNum", message.seq_num);
  visit("generatedAt", message.generated_at);
  visit.always("tasks", message.tasks);
}

template <class Visitor>
void members(Visitor& visit, IamRoleCredentialsMessage& message) {
  visit.required("messageId", message.message_id);
  visit.required("taskArn", message.task_arn);
  visit("taskClusterArn", message.task_cluster_arn);
  visit("roleType", message.role_type);
  visit.required("roleCredentials", message.role_credentials);
}

Result<DockerConfig> parse_docker_config(std::string_view text, std::string_view source) {
  return parse_json<DockerConfig>(text, source);
}

std::string to_json_text(const DockerConfig& config) {
  return to_json(config);
}

Result<DockerHostConfig> parse_docker_host_config(std::string_view text, std::string_view source) {
  return parse_json<DockerHostConfig>(text, source);
}

std::string to_json_text(const DockerHostConfig& config) {
  return to_json(config);
}

Result<ContainerOverrides> parse_container_overrides(std::string_view text, std::string_view source) {
  return parse_json<ContainerOverrides>(text, source);
}

GANTRY_FRAME(PayloadMessage)
GANTRY_FRAME(IamRoleCredentialsMessage)

}  // namespace gantry::api
