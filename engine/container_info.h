#pragma once

#include "base/time.h"
#include "engine/container_spec.h"

#include <string>
#include <vector>

namespace gantry::engine {

enum class ContainerState { created, running, restarting, exited };
enum class HealthState { none, starting, healthy, unhealthy };

// The container's place on the network; empty unless it is attached to the bridge.
struct NetworkInfo {
  std::string ip;
  std::string gateway;
  unsigned prefix_length = 0;
  std::string mac;
  std::vector<PortSpec> ports;  // with the host ports as they are in use
};

// What is known of a container, read from disk and checked against the kernel when it was asked for.
struct ContainerInfo {
  std::string id;  // 64 hex digits
  std::string name;
  std::string image_id;                // sha256:…
  ContainerSpec spec;                  // as created
  std::vector<std::string> arguments;  // what process 1 is started with: entrypoint, then command
  // With the image's share: what the spec left open.
  std::vector<std::string> environment;
  std::string user;
  std::string working_directory;
  std::string stop_signal;
  std::vector<MountSpec> mounts;
  TimePoint created_at;

  ContainerState state = ContainerState::created;
  pid_t pid = 0;  // process 1 as the host sees it; 0 unless running
  int exit_code =
      0;  // of the last end; 128 + n for signal n; 255 when nobody saw it (its monitor was killed)
  bool oom_killed = false;
  std::string error;      // why it didn't start, or why its end is unknown
  TimePoint started_at;   // epoch: never
  TimePoint finished_at;  // epoch: never
  unsigned restart_count = 0;
  HealthState health = HealthState::none;
  unsigned health_failing_streak = 0;
  std::string health_output;  // of the last check

  NetworkInfo network;
  std::string cgroup_path;      // below the cgroup2 mount
  std::string directory;        // ROOT/containers/ID: its files
  std::string log_path;         // empty with the log drivers journald and none
  uint64_t lost_log_lines = 0;  // not written since it was started: the disk was full, journald behind
};

// A process of a container, as the host sees it. proc(5).
struct ContainerProcess {
  pid_t pid = 0;
  pid_t parent_pid = 0;
  uid_t uid = 0;
  uint64_t cpu_microseconds = 0;
  std::string command;  // with its arguments
};

// Counters of a running container's cgroup and interfaces.
struct ContainerStats {
  uint64_t cpu_usage_microseconds = 0;
  uint64_t cpu_throttled_periods = 0;
  uint64_t cpu_throttled_microseconds = 0;
  uint64_t system_cpu_microseconds = 0;  // of the whole host, all CPUs together: /proc/stat
  unsigned online_cpus = 0;
  std::optional<uint64_t> memory_usage;  // bytes without inactive page cache, as docker counts; absent: the
                                         // host has no memory controller
  uint64_t memory_limit = 0;             // bytes: the container's or the host's
  std::optional<uint64_t> process_count;
  std::optional<uint64_t> process_limit;
  uint64_t block_read_bytes = 0;
  uint64_t block_write_bytes = 0;
  uint64_t network_receive_bytes = 0;
  uint64_t network_transmit_bytes = 0;
  uint64_t network_receive_packets = 0;
  uint64_t network_transmit_packets = 0;
  TimePoint read_at;
};

}  // namespace gantry::engine
