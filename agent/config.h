#pragma once

#include "base/result.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace gantry::agent {

enum class PullBehavior { default_, always, once, prefer_cached };

struct DynamicPorts {
  uint16_t first = 0;  // 0: the kernel's range of local ports
  uint16_t last = 0;
};

// What an operator can say. Names of variables: ECS agent's, ECS.md of its documentation; a flag wins over
// the environment, the environment over the file.
struct Config {
  std::string cluster = "default";                       // --cluster, ECS_CLUSTER
  std::string endpoint = "http://127.0.0.1:51480";       // --endpoint, ECS_BACKEND_HOST; https:// if none
  std::string region = "us-east-1";                      // --region, AWS_REGION, AWS_DEFAULT_REGION
  std::string data_directory = "/var/lib/gantry/agent";  // --data-dir, ECS_DATADIR
  std::string root = "/var/lib/gantry";                  // --root: the engine's
  std::string run_root = "/run/gantry";                  // --run-root: the engine's
  std::string bridge = "gantry0";                        // --bridge: the engine's
  std::string credentials_file;                          // --credentials; empty: environment, then ~/.aws
  std::string ca_file;                                   // --ca-file; empty: the system's
  std::string log_level = "info";                        // --log-level, ECS_LOGLEVEL
  std::string log_file;                                  // ECS_LOGFILE; empty: stderr
  bool best_effort_limits = false;                       // --cgroup-limits best-effort
  uint16_t introspection_port = 51678;                   // --introspection-port; 0: off
  int64_t reserved_memory = 0;                           // MiB, ECS_RESERVED_MEMORY
  std::vector<std::string> reserved_ports = {"22", "2375", "2376", "51678", "51679"};  // ECS_RESERVED_PORTS
  std::vector<std::string> reserved_udp_ports;                   // ECS_RESERVED_PORTS_UDP
  std::map<std::string, std::string> attributes;                 // ECS_INSTANCE_ATTRIBUTES
  std::map<std::string, std::string> tags;                       // ECS_CONTAINER_INSTANCE_TAGS
  std::vector<std::string> log_drivers = {"json-file", "none"};  // ECS_AVAILABLE_LOGGING_DRIVERS
  bool disable_privileged = false;                               // ECS_DISABLE_PRIVILEGED
  bool task_limits = true;                                       // ECS_ENABLE_TASK_CPU_MEM_LIMIT
  std::chrono::microseconds cpu_period =
      std::chrono::milliseconds(100);                                // ECS_CGROUP_CPU_PERIOD, 8 to 100 ms
  int64_t task_pids_limit = 0;                                       // ECS_TASK_PIDS_LIMIT; 0: none
  std::chrono::nanoseconds cleanup_wait = std::chrono::hours(3);     // ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION
  std::chrono::nanoseconds stop_timeout = std::chrono::seconds(30);  // ECS_CONTAINER_STOP_TIMEOUT
  std::chrono::nanoseconds start_timeout = std::chrono::minutes(3);  // ECS_CONTAINER_START_TIMEOUT
  PullBehavior pull_behavior = PullBehavior::default_;               // ECS_IMAGE_PULL_BEHAVIOR
  bool disable_metrics = false;                                      // ECS_DISABLE_METRICS
  bool disable_health_checks = false;                                // ECS_DISABLE_DOCKER_HEALTH_CHECK
  DynamicPorts dynamic_ports;                                        // ECS_DYNAMIC_HOST_PORT_RANGE "A-B"
  bool disable_image_cleanup = false;                                // ECS_DISABLE_IMAGE_CLEANUP
  std::chrono::nanoseconds image_cleanup_interval = std::chrono::minutes(30);  // ECS_IMAGE_CLEANUP_INTERVAL
  std::chrono::nanoseconds image_cleanup_age = std::chrono::hours(1);  // ECS_IMAGE_MINIMUM_CLEANUP_AGE
  int64_t images_removed_per_cycle = 5;                                // ECS_NUM_IMAGES_DELETE_PER_CYCLE
  std::vector<std::string> image_cleanup_exclusions;                   // ECS_EXCLUDE_UNTRACKED_IMAGE
  std::vector<std::string> ignored;  // ECS_ variables that were given and that this agent doesn't honour
};

struct ConfigSource {
  std::vector<std::string> arguments;  // without the program's name
  std::map<std::string, std::string> environment;
  std::string config_file = "/etc/ecs/ecs.config";  // KEY=VALUE lines; missing: fine unless --config names it
};

struct CommandLine {
  Config config;
  bool help = false;
  bool version = false;
};

// Errors: invalid, naming the flag or variable, its value and the rule; an unknown flag or argument.
Result<CommandLine> read_config(const ConfigSource& source);

std::string help_text();

}  // namespace gantry::agent
