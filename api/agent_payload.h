#pragma once

#include "base/log.h"
#include "base/result.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// A task as the control plane sends it to an agent, inside a PayloadMessage (agent_protocol.h).
// Source: amazon-ecs-agent 1.105.1, ecs-agent/acs/model; members keep its names. What has no member here is
// noted by name while it is read: in `unsupported` what the protocol knows and an agent of ours can't honour,
// in `unknown` what isn't in the protocol as we know it. Neither is ever written.

namespace gantry::api {

// ---- docker parts of a container, which travel as JSON strings in Docker's API form ----

// Docker API ContainerConfig.Healthcheck; durations in nanoseconds, 0: docker's default.
struct DockerHealthcheck {
  std::vector<std::string> test;  // {"CMD", argv…}, {"CMD-SHELL", line} or {"NONE"}
  int64_t interval = 0;
  int64_t timeout = 0;
  int64_t start_period = 0;
  int64_t start_interval = 0;
  int64_t retries = 0;
};

// The content of `dockerConfig.config`.
struct DockerConfig {
  std::string user;
  std::string working_dir;
  std::string hostname;
  std::map<std::string, std::string> labels;
  std::optional<DockerHealthcheck> healthcheck;
  bool tty = false;
  bool open_stdin = false;
  bool network_disabled = false;
  std::vector<std::string> unsupported;  // all other members
};

struct DockerDevice {
  std::string path_on_host;
  std::string path_in_container;
  std::string cgroup_permissions;  // of "rwm"
};

struct DockerUlimit {
  std::string name;
  int64_t soft = 0;
  int64_t hard = 0;
};

struct DockerLogConfig {
  std::string type;
  std::map<std::string, std::string> config;
};

// The content of `dockerConfig.hostConfig`. Sizes in bytes.
struct DockerHostConfig {
  std::string network_mode;
  std::optional<int64_t> memory_reservation;
  std::optional<int64_t> memory_swap;  // memory and swap together; -1: no limit
  std::optional<int64_t> memory_swappiness;
  std::vector<std::string> cap_add;
  std::vector<std::string> cap_drop;
  std::vector<DockerDevice> devices;
  std::optional<bool> init;
  std::optional<int64_t> shm_size;
  std::map<std::string, std::string> tmpfs;  // path to mount options
  std::vector<DockerUlimit> ulimits;
  std::optional<DockerLogConfig> log_config;
  std::vector<std::string> dns;
  std::vector<std::string> dns_search;
  std::vector<std::string> extra_hosts;  // "host:address"
  bool privileged = false;
  bool readonly_rootfs = false;
  std::vector<std::string> security_opt;
  std::map<std::string, std::string> sysctls;
  std::vector<std::string> unsupported;  // all other members
};

Result<DockerConfig> parse_docker_config(std::string_view text, std::string_view source);
std::string to_json_text(const DockerConfig& config);
Result<DockerHostConfig> parse_docker_host_config(std::string_view text, std::string_view source);
std::string to_json_text(const DockerHostConfig& config);

// ---- a task in a payload ----

struct PayloadPortMapping {
  uint16_t container_port = 0;
  uint16_t host_port = 0;            // 0: the agent picks one
  std::string protocol = "tcp";      // or udp
  std::string container_port_range;  // "A-B" instead of container_port
};

struct PayloadMountPoint {
  std::string source_volume;
  std::string container_path;
  bool read_only = false;
};

struct PayloadVolumeFrom {
  std::string source_container;
  bool read_only = false;
};

struct PayloadSecret {
  std::string name;
  std::string value_from;  // an ARN or a parameter's name
  std::string provider;    // ssm, asm
  std::string region;
  std::string type;    // ENVIRONMENT_VARIABLE, BOOTSTRAP
  std::string target;  // CONTAINER, LOG_DRIVER
};

struct PayloadDependency {
  std::string container_name;
  std::string condition;  // START, COMPLETE, SUCCESS, HEALTHY
};

struct PayloadRestartPolicy {
  bool enabled = false;
  std::vector<int> ignored_exit_codes;
  int64_t restart_attempt_period = 300;  // seconds
};

// `config` and `host_config` are read with parse_docker_config and parse_docker_host_config.
struct PayloadDockerConfig {
  std::string version;  // least Docker API version, "1.21"
  std::string config;
  std::string host_config;
};

struct PayloadEcrAuthData {
  std::string registry_id;
  std::string region;
  std::string endpoint_override;
  bool use_execution_role = false;
};

struct PayloadRegistryAuthentication {
  std::string type;  // ecr, asm
  std::optional<PayloadEcrAuthData> ecr_auth_data;
};

struct PayloadContainer {
  std::string name;
  std::string image;
  int64_t cpu = 0;     // units: 1024 are one CPU; becomes shares only
  int64_t memory = 0;  // MiB, hard; 0: none of its own
  bool essential = true;
  bool privileged = false;               // as in docker_config.host_config, which counts too
  std::vector<std::string> command;      // empty: the image's
  std::vector<std::string> entry_point;  // empty: the image's
  std::map<std::string, std::string> environment;
  std::vector<PayloadPortMapping> port_mappings;
  std::vector<PayloadMountPoint> mount_points;
  std::vector<PayloadVolumeFrom> volumes_from;
  std::vector<std::string> links;
  std::vector<PayloadSecret> secrets;
  std::vector<PayloadDependency> depends_on;
  std::optional<int64_t> start_timeout;  // seconds
  std::optional<int64_t> stop_timeout;   // seconds
  std::optional<PayloadRestartPolicy> restart_policy;
  std::string health_check_type;  // "DOCKER" when docker_config.config has a Healthcheck
  std::optional<PayloadRegistryAuthentication> registry_authentication;
  std::string container_arn;
  std::string overrides;  // a JSON string {"command":[…]}; parse_container_overrides
  std::optional<PayloadDockerConfig> docker_config;
  std::vector<std::string> unsupported;
  std::vector<std::string> unknown;
};

struct ContainerOverrides {
  std::vector<std::string> command;
  std::vector<std::string> unsupported;  // all other members
};
Result<ContainerOverrides> parse_container_overrides(std::string_view text, std::string_view source);

struct PayloadVolumeHost {
  std::string source_path;  // empty: the volume lives as long as the task
};

struct PayloadDockerVolume {
  std::string scope;  // task, shared
  bool autoprovision = false;
  std::string driver;
  std::map<std::string, std::string> driver_opts;
  std::map<std::string, std::string> labels;
};

struct PayloadVolume {
  std::string name;
  std::string type;  // host, docker, efs
  std::optional<PayloadVolumeHost> host;
  std::optional<PayloadDockerVolume> docker_volume_configuration;
  std::vector<std::string> unsupported;
  std::vector<std::string> unknown;
};

struct IamRoleCredentials {
  std::string credentials_id;
  std::string role_arn;
  std::string access_key_id;
  Secret secret_access_key;
  Secret session_token;
  std::string expiration;  // RFC 3339
};

struct PayloadTask {
  std::string arn;
  std::string family;
  std::string version;         // the revision as text
  std::string desired_status;  // RUNNING, STOPPED
  std::string task_definition_account_id;
  std::optional<double> cpu;      // vCPUs: 0.25; absent: no ceiling
  std::optional<int64_t> memory;  // MiB; absent: no ceiling for the task as a whole
  std::vector<PayloadContainer> containers;
  std::vector<PayloadVolume> volumes;
  std::string network_mode;  // bridge, host, none, awsvpc
  std::string pid_mode;
  std::string ipc_mode;
  std::optional<IamRoleCredentials> role_credentials;
  std::optional<IamRoleCredentials> execution_role_credentials;
  std::string launch_type;
  std::string service_name;
  std::string group;
  std::string task_cluster_arn;
  std::string overrides;  // a JSON string
  bool enable_fault_injection = false;
  std::vector<std::string> unsupported;
  std::vector<std::string> unknown;
};

}  // namespace gantry::api
