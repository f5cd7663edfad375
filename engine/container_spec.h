#pragma once

#include "base/result.h"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::engine {

enum class Protocol { tcp, udp };

// A container's port made reachable on the host.
struct PortSpec {
  std::string host_ip;          // empty: all addresses
  uint16_t host_port = 0;       // 0: the engine picks a free one of 32768-60999 when the container starts
  uint16_t container_port = 0;  // 1-65535
  Protocol protocol = Protocol::tcp;
};

enum class MountType { bind, volume, tmpfs };

struct MountSpec {
  MountType type = MountType::bind;
  // bind: an absolute host path; volume: a name [a-zA-Z0-9][a-zA-Z0-9_.-]+, empty for an anonymous one made
  // for this container; tmpfs: empty.
  std::string source;
  std::string destination;  // absolute, in the container
  bool read_only = false;
  bool create_source = false;        // bind: make a missing source as a folder, as docker's -v does
  std::vector<std::string> options;  // more mount(8) options: rshared, rslave, rprivate, size=64m, mode=1777
};

// Resource limits, written to the container's cgroup v2. Source: docker run's options; runtime-spec
// config-linux.md.
struct ResourceSpec {
  std::optional<int64_t> memory;              // bytes, at least 6 MiB
  std::optional<int64_t> memory_reservation;  // bytes: memory.low
  std::optional<int64_t> memory_swap;         // bytes of memory and swap together; -1: no limit on swap
  std::optional<uint64_t> cpu_shares;         // 2-262144
  std::optional<int64_t> nano_cpus;           // --cpus in units of 1e-9; excludes quota and period
  std::optional<int64_t> cpu_quota;           // microseconds a period
  std::optional<uint64_t> cpu_period;         // microseconds
  std::string cpuset_cpus;                    // "0-1,3"
  std::optional<int64_t> pids_limit;          // -1: none
};

struct UlimitSpec {
  std::string name;  // nofile, core, …: getrlimit(2)'s names without RLIMIT_, lower case
  uint64_t soft = 0;
  uint64_t hard = 0;  // UINT64_MAX: unlimited
};

struct DeviceSpec {
  std::string host_path;
  std::string container_path;
  std::string permissions = "rwm";
};

enum class RestartMode { none, always, on_failure, unless_stopped };

struct RestartSpec {
  RestartMode mode = RestartMode::none;
  uint32_t maximum_retries = 0;  // on_failure: 0 is without limit
  // ECS restartAttemptPeriod: a run shorter than this isn't restarted. 0, as in docker: every run is, after
  // a wait that begins at 100 ms and doubles up to a minute.
  std::chrono::seconds attempt_period{0};
  std::vector<int> ignored_exit_codes;  // ECS: these ends are never restarted
};

// A command that tells whether the container is well. Source: image-spec's docker `Healthcheck`, ECS
// healthCheck.
struct HealthSpec {
  std::vector<std::string> test;  // ["CMD", arg…], ["CMD-SHELL", text], ["NONE"] turns the image's off
  std::chrono::nanoseconds interval = std::chrono::seconds(30);
  std::chrono::nanoseconds timeout = std::chrono::seconds(30);
  std::chrono::nanoseconds start_period{0};
  std::chrono::nanoseconds start_interval = std::chrono::seconds(5);  // the interval in the start period
  uint32_t retries = 3;
};

enum class LogDriver { json_file /* docker's format */, cri /* Kubernetes' */, journald, none };

struct LogSpec {
  LogDriver driver = LogDriver::json_file;
  uint64_t maximum_size = 0;   // of the files: bytes before a rotation; 0: none
  uint32_t maximum_files = 1;  // of the files: kept by rotation, the current one counted
  // journald: CONTAINER_TAG; {{.ID}}, {{.FullID}}, {{.Name}}, {{.ImageID}}, {{.ImageFullID}} and
  // {{.ImageName}} are replaced. Empty: {{.ID}}, as with docker.
  std::string tag;
};

// All that `docker run` can say about a container. What is absent comes from the image.
struct ContainerSpec {
  std::string name;   // [a-zA-Z0-9][a-zA-Z0-9_.-]+; empty: one is made up (adjective_noun)
  std::string image;  // a reference or an image id; the image must be in the store
  // Present replaces the image's; [] or [""] clears it. Replacing the entrypoint clears the image's Cmd.
  std::optional<std::vector<std::string>> entrypoint;
  std::vector<std::string> command;
  std::vector<std::string> environment;  // NAME=VALUE; a NAME alone removes the image's
  std::map<std::string, std::string> labels;
  std::string user;  // "", NAME|UID[:GROUP|GID]
  std::vector<std::string> additional_groups;
  std::string working_directory;
  std::string hostname;  // empty: the first 12 digits of the id
  std::string domainname;

  std::string network = "bridge";  // bridge, host, none, container:REFERENCE
  std::vector<PortSpec> ports;
  bool publish_all_ports = false;  // every port that the image exposes, to a host port of the engine's choice
  std::vector<std::string> dns;
  std::vector<std::string> dns_search;
  std::vector<std::string> dns_options;
  std::vector<std::string> extra_hosts;  // NAME:ADDRESS; ADDRESS may be host-gateway

  std::vector<MountSpec> mounts;
  bool read_only_root = false;
  std::optional<uint64_t> shm_size;  // bytes; absent: 64 MiB
  std::vector<DeviceSpec> devices;

  ResourceSpec resources;
  std::string cgroup_parent;  // below the cgroup2 mount; empty: /gantry
  std::vector<UlimitSpec> ulimits;
  std::map<std::string, std::string> sysctls;
  std::optional<int> oom_score_adjustment;  // -1000 to 1000

  std::vector<std::string> capabilities_added;    // with or without CAP_, ALL
  std::vector<std::string> capabilities_dropped;  // with or without CAP_, ALL
  bool privileged = false;
  bool no_new_privileges = false;
  std::string seccomp;          // empty: the default profile; "unconfined"; else a profile's JSON text
  bool unmasked_paths = false;  // security-opt systempaths=unconfined
  std::string pid_mode;         // empty or "host"
  std::string ipc_mode;         // empty or "host"
  std::string uts_mode;         // empty or "host"

  bool terminal = false;    // -t
  bool open_stdin = false;  // -i
  bool init = false;        // a small init as process 1: docker-init, tini or catatonit of the host
  RestartSpec restart;
  std::optional<HealthSpec> health;  // replaces the image's
  LogSpec log;
  std::string stop_signal;                           // empty: the image's, else SIGTERM
  std::optional<std::chrono::seconds> stop_timeout;  // absent: 10 s
  bool auto_remove = false;  // --rm: removed with its anonymous volumes once it has ended
  std::map<std::string, std::string> annotations;  // into config.json
};

// Checks every rule that needs neither the image nor the host. Errors: invalid, naming the option as the
// command line writes it.
Result<void> check_spec(const ContainerSpec& spec);

Result<ContainerSpec> parse_container_spec(std::string_view text, std::string_view source);
std::string to_json_text(const ContainerSpec& spec);

}  // namespace gantry::engine
