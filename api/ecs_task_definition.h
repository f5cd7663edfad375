#pragma once

#include "api/ecs_common.h"
#include "base/json.h"

#include <map>
#include <span>

// Task definitions. Typed is what gantry honours; what it can't honour yet is noted by name in
// `unsupported` while parsing and refused at registration, never dropped silently.

namespace gantry::api {

struct PortMapping {
  int container_port = 0;
  std::optional<int> host_port;  // 0: one is chosen on the host
  std::string protocol;          // "tcp", "udp"
  std::string name;
  std::string app_protocol;
  std::string container_port_range;  // "80-90"; refused at registration
};

struct MountPoint {
  std::string source_volume;
  std::string container_path;
  std::optional<bool> read_only;
};

struct VolumeFrom {
  std::string source_container;
  std::optional<bool> read_only;
};

struct ContainerDependency {
  std::string container_name;
  std::string condition;  // START, COMPLETE, SUCCESS, HEALTHY
};

struct HealthCheck {
  std::vector<std::string> command;  // ["CMD", …], ["CMD-SHELL", "…"], ["NONE"]
  std::optional<int> interval;       // seconds, 5–300, default 30
  std::optional<int> timeout;        // seconds, 2–60, default 5
  std::optional<int> retries;        // 1–10, default 3
  std::optional<int> start_period;   // seconds, 0–300, default none
};

struct Ulimit {
  std::string name;
  int64_t soft_limit = 0;
  int64_t hard_limit = 0;
};

struct SystemControl {
  std::string sysctl_namespace;
  std::string value;
};

struct HostEntry {
  std::string hostname;
  std::string ip_address;
};

struct LogConfiguration {
  std::string log_driver;
  std::map<std::string, std::string> options;
};

struct ContainerRestartPolicy {
  bool enabled = false;
  std::vector<int> ignored_exit_codes;
  std::optional<int> restart_attempt_period;  // seconds, 60–1800, default 300
};

struct KernelCapabilities {
  std::vector<std::string> add;
  std::vector<std::string> drop;
};

struct Device {
  std::string host_path;
  std::string container_path;
  std::vector<std::string> permissions;  // read, write, mknod
};

struct Tmpfs {
  std::string container_path;
  int size = 0;  // MiB
  std::vector<std::string> mount_options;
};

struct LinuxParameters {
  std::optional<KernelCapabilities> capabilities;
  std::vector<Device> devices;
  std::optional<bool> init_process_enabled;
  std::optional<int> shared_memory_size;  // MiB
  std::vector<Tmpfs> tmpfs;
  std::optional<int> max_swap;    // MiB
  std::optional<int> swappiness;  // 0–100; refused at registration: cgroup v2 has no counterpart
};

struct ContainerDefinition {
  std::string name;
  std::string image;
  int cpu = 0;                            // units, a share
  std::optional<int> memory;              // MiB, hard
  std::optional<int> memory_reservation;  // MiB, soft
  std::vector<PortMapping> port_mappings;
  std::optional<bool> essential;  // filled with true at registration
  std::optional<ContainerRestartPolicy> restart_policy;
  std::vector<std::string> entry_point;
  std::vector<std::string> command;
  std::vector<KeyValuePair> environment;
  std::vector<MountPoint> mount_points;
  std::vector<VolumeFrom> volumes_from;
  std::optional<LinuxParameters> linux_parameters;
  std::vector<ContainerDependency> depends_on;
  std::optional<int> start_timeout;  // seconds
  std::optional<int> stop_timeout;   // seconds
  std::string version_consistency;   // "enabled" (also when absent), "disabled"
  std::string hostname;
  std::string user;
  std::string working_directory;
  std::optional<bool> disable_networking;
  std::optional<bool> privileged;
  std::optional<bool> readonly_root_filesystem;
  std::vector<std::string> dns_servers;
  std::vector<std::string> dns_search_domains;
  std::vector<HostEntry> extra_hosts;
  std::vector<std::string> docker_security_options;
  std::optional<bool> interactive;
  std::optional<bool> pseudo_terminal;
  std::map<std::string, std::string> docker_labels;
  std::vector<Ulimit> ulimits;
  std::optional<LogConfiguration> log_configuration;
  std::optional<HealthCheck> health_check;
  std::vector<SystemControl> system_controls;

  std::vector<std::string> unsupported;  // names of given members that gantry can't honour; never written
};

struct HostVolume {
  std::string source_path;  // empty: a volume of the task's own, removed with it
};

struct Volume {
  std::string name;
  std::optional<HostVolume> host;
  std::vector<std::string> unsupported;
};

struct RuntimePlatform {
  std::string cpu_architecture;         // X86_64, ARM64
  std::string operating_system_family;  // LINUX
};

enum class TaskDefinitionStatus { active, inactive, delete_in_progress };
std::span<const EnumName<TaskDefinitionStatus>> enum_names(TaskDefinitionStatus);

// The response shape, and the stored record.
struct TaskDefinition {
  std::string task_definition_arn;
  std::vector<ContainerDefinition> container_definitions;
  std::string family;
  std::string execution_role_arn;
  std::string network_mode;  // "bridge" (filled in when absent), "host", "none"
  std::string pid_mode;      // "host", or empty: each container has its own
  std::string ipc_mode;      // "host", "none", or empty: each container has its own anyway
  int revision = 0;
  std::vector<Volume> volumes;
  TaskDefinitionStatus status = TaskDefinitionStatus::active;
  std::vector<Attribute> requires_attributes;
  std::vector<PlacementConstraint> placement_constraints;
  std::vector<std::string> compatibilities;
  std::optional<RuntimePlatform> runtime_platform;
  std::vector<std::string> requires_compatibilities;
  std::string cpu;     // units, as a decimal number, or empty
  std::string memory;  // MiB, as a decimal number, or empty
  std::optional<EpochSeconds> registered_at;
  std::optional<EpochSeconds> deregistered_at;
  std::optional<EpochSeconds> delete_requested_at;
  std::string registered_by;
};

struct RegisterTaskDefinitionRequest {
  TaskDefinition definition;  // family, containerDefinitions and the other members of the request
  std::vector<Tag> tags;
  std::vector<std::string> unsupported;
};

// Errors: invalid, naming the JSON path.
Result<RegisterTaskDefinitionRequest> parse_register_task_definition(std::string_view text,
                                                                     std::string_view source);

// What one task of `definition` takes of its host: units and MiB. Task level values win over the containers'
// sums; a container counts with its reservation, else with its limit. Overrides come from a task's own.
struct TaskDemand {
  int64_t cpu = 0;
  int64_t memory = 0;
  std::vector<int> tcp_ports;  // static host ports
  std::vector<int> udp_ports;
};
struct TaskOverride;
TaskDemand task_demand(const TaskDefinition& definition, const TaskOverride& overrides);

}  // namespace gantry::api
