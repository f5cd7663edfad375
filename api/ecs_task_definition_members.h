#pragma once

#include "api/ecs_members.h"
#include "api/ecs_task_definition.h"

// The member tables of task definitions, for …_json.cpp files only. Field by field in the order of the model.

namespace gantry::api {

template <class Visitor>
void members(Visitor& visit, PortMapping& mapping) {
  visit("containerPort", mapping.container_port);
  visit("hostPort", mapping.host_port);
  visit("protocol", mapping.protocol);
  visit("name", mapping.name);
  visit("appProtocol", mapping.app_protocol);
  visit("containerPortRange", mapping.container_port_range);
}

template <class Visitor>
void members(Visitor& visit, MountPoint& mount) {
  visit("sourceVolume", mount.source_volume);
  visit("containerPath", mount.container_path);
  visit("readOnly", mount.read_only);
}

template <class Visitor>
void members(Visitor& visit, VolumeFrom& from) {
  visit("sourceContainer", from.source_container);
  visit("readOnly", from.read_only);
}

template <class Visitor>
void members(Visitor& visit, ContainerDependency& dependency) {
  visit("containerName", dependency.container_name);
  visit("condition", dependency.condition);
}

template <class Visitor>
void members(Visitor& visit, HealthCheck& check) {
  visit("command", check.command);
  visit("interval", check.interval);
  visit("timeout", check.timeout);
  visit("retries", check.retries);
  visit("startPeriod", check.start_period);
}

template <class Visitor>
void members(Visitor& visit, Ulimit& ulimit) {
  visit("name", ulimit.name);
  visit("softLimit", ulimit.soft_limit);
  visit("hardLimit", ulimit.hard_limit);
}

template <class Visitor>
void members(Visitor& visit, SystemControl& control) {
  visit("namespace", control.sysctl_namespace);
  visit("value", control.value);
}

template <class Visitor>
void members(Visitor& visit, HostEntry& entry) {
  visit("hostname", entry.hostname);
  visit("ipAddress", entry.ip_address);
}

template <class Visitor>
void members(Visitor& visit, LogConfiguration& log) {
  visit("logDriver", log.log_driver);
  visit("options", log.options);
}

template <class Visitor>
void members(Visitor& visit, ContainerRestartPolicy& policy) {
  visit("enabled", policy.enabled);
  visit("ignoredExitCodes", policy.ignored_exit_codes);
  visit("restartAttemptPeriod", policy.restart_attempt_period);
}

template <class Visitor>
void members(Visitor& visit, KernelCapabilities& capabilities) {
  visit("add", capabilities.add);
  visit("drop", capabilities.drop);
}

template <class Visitor>
void members(Visitor& visit, Device& device) {
  visit("hostPath", device.host_path);
  visit("containerPath", device.container_path);
  visit("permissions", device.permissions);
}

template <class Visitor>
void members(Visitor& visit, Tmpfs& tmpfs) {
  visit("containerPath", tmpfs.container_path);
  visit("size", tmpfs.size);
  visit("mountOptions", tmpfs.mount_options);
}

template <class Visitor>
void members(Visitor& visit, LinuxParameters& parameters) {
  visit("capabilities", parameters.capabilities);
  visit("devices", parameters.devices);
  visit("initProcessEnabled", parameters.init_process_enabled);
  visit("sharedMemorySize", parameters.shared_memory_size);
  visit("tmpfs", parameters.tmpfs);
  visit("maxSwap", parameters.max_swap);
  visit("swappiness", parameters.swappiness);
}

// A log configuration's secretOptions are as unsupported as a container's secrets.
struct SecretOptions {
  std::vector<std::string> unsupported;
};
template <class Visitor>
void members(Visitor& visit, SecretOptions& options) {
  note_unsupported(visit, options.unsupported, {"secretOptions"});
}

template <class Visitor>
void members_for_process(Visitor& visit, ContainerDefinition& container) {
  visit("entryPoint", container.entry_point);
  visit("command", container.command);
  visit.always("environment", container.environment);
  visit("user", container.user);
  visit("workingDirectory", container.working_directory);
  visit("interactive", container.interactive);
  visit("pseudoTerminal", container.pseudo_terminal);
  visit("privileged", container.privileged);
  visit("readonlyRootFilesystem", container.readonly_root_filesystem);
  visit("dockerSecurityOptions", container.docker_security_options);
  visit("linuxParameters", container.linux_parameters);
  visit("ulimits", container.ulimits);
  visit.always("systemControls", container.system_controls);
}

template <class Visitor>
void members_for_network(Visitor& visit, ContainerDefinition& container) {
  visit.always("portMappings", container.port_mappings);
  visit("hostname", container.hostname);
  visit("disableNetworking", container.disable_networking);
  visit("dnsServers", container.dns_servers);
  visit("dnsSearchDomains", container.dns_search_domains);
  visit("extraHosts", container.extra_hosts);
}

template <class Visitor>
void members(Visitor& visit, ContainerDefinition& container) {
  visit("name", container.name);
  visit("image", container.image);
  visit("cpu", container.cpu);
  visit("memory", container.memory);
  visit("memoryReservation", container.memory_reservation);
  visit("essential", container.essential);
  members_for_process(visit, container);
  members_for_network(visit, container);
  visit.always("mountPoints", container.mount_points);
  visit.always("volumesFrom", container.volumes_from);
  visit("restartPolicy", container.restart_policy);
  visit("dependsOn", container.depends_on);
  visit("startTimeout", container.start_timeout);
  visit("stopTimeout", container.stop_timeout);
  visit("versionConsistency", container.version_consistency);
  visit("dockerLabels", container.docker_labels);
  visit("logConfiguration", container.log_configuration);
  visit("healthCheck", container.health_check);
  note_unsupported(visit, container.unsupported,
                   {"links", "environmentFiles", "secrets", "repositoryCredentials", "credentialSpecs",
                    "resourceRequirements", "firelensConfiguration"});
  if constexpr (Visitor::reading) {
    SecretOptions secret_options;
    visit("logConfiguration", secret_options);
    for (const auto& name : secret_options.unsupported) {
      container.unsupported.push_back("logConfiguration." + name);
    }
  }
}

template <class Visitor>
void members(Visitor& visit, HostVolume& host) {
  visit("sourcePath", host.source_path);
}

template <class Visitor>
void members(Visitor& visit, Volume& volume) {
  visit("name", volume.name);
  visit("host", volume.host);
  note_unsupported(
      visit, volume.unsupported,
      {"dockerVolumeConfiguration", "efsVolumeConfiguration", "fsxWindowsFileServerVolumeConfiguration",
       "s3filesVolumeConfiguration", "configuredAtLaunch"});
}

template <class Visitor>
void members(Visitor& visit, RuntimePlatform& platform) {
  visit("cpuArchitecture", platform.cpu_architecture);
  visit("operatingSystemFamily", platform.operating_system_family);
}

template <class Visitor>
void members(Visitor& visit, TaskDefinition& definition) {
  visit("taskDefinitionArn", definition.task_definition_arn);
  visit.always("containerDefinitions", definition.container_definitions);
  visit("family", definition.family);
  visit("executionRoleArn", definition.execution_role_arn);
  visit("networkMode", definition.network_mode);
  visit("revision", definition.revision);
  visit.always("volumes", definition.volumes);
  visit("status", definition.status);
  visit.always("requiresAttributes", definition.requires_attributes);
  visit.always("placementConstraints", definition.placement_constraints);
  visit.always("compatibilities", definition.compatibilities);
  visit("runtimePlatform", definition.runtime_platform);
  visit("requiresCompatibilities", definition.requires_compatibilities);
  visit("cpu", definition.cpu);
  visit("memory", definition.memory);
  visit("pidMode", definition.pid_mode);
  visit("ipcMode", definition.ipc_mode);
  visit("registeredAt", definition.registered_at);
  visit("deregisteredAt", definition.deregistered_at);
  visit("deleteRequestedAt", definition.delete_requested_at);
  visit("registeredBy", definition.registered_by);
}

}  // namespace gantry::api
