#pragma once

#include "agent/config.h"
#include "base/result.h"
#include "base/time.h"
#include "engine/container_info.h"
#include "engine/container_spec.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace gantry::agent {

enum class ObservedState { missing, created, running, exited };

// A container as the host has it now.
struct Observed {
  ObservedState state = ObservedState::missing;
  int exit_code = 0;
  bool oom_killed = false;
  std::string error;     // why it didn't start, or why its end is unknown
  TimePoint started_at;  // epoch: never
  TimePoint finished_at;
  unsigned restart_count = 0;
  engine::HealthState health = engine::HealthState::none;
  std::string health_output;
  std::vector<engine::PortSpec> ports;  // published, with host ports
  std::string address;                  // on the bridge; empty: none
  std::string image_id;

  bool same_as(const Observed& other) const {
    return state == other.state && exit_code == other.exit_code && health == other.health &&
           restart_count == other.restart_count && finished_at == other.finished_at;
  }
};

// How to log in to the image's registry: nothing (the host's docker config is asked), or through ECR's API,
// which wins over the docker config.
struct RegistryLogin {
  bool ecr = false;
  std::string region;
  std::string endpoint;  // empty: AWS's own for the region
};

// The cgroup node of a task: its containers' cgroups are below it.
struct TaskGroup {
  std::string path;                    // "/gantry/ecs/TASKID", relative to the cgroup2 mount
  std::optional<int64_t> cpu_quota;    // µs a period; absent: no ceiling
  int64_t cpu_period = 100'000;        // µs
  std::optional<uint64_t> cpu_shares;  // relative weight, 2 to 262144
  std::optional<int64_t> memory;       // bytes
  std::optional<int64_t> pids;
};

// The image that a task's container will be made of.
struct PulledImage {
  std::string digest;   // under which the image's registry has it; empty when none has
  std::string id;       // the store's
  bool is_new = false;  // it wasn't on the host before, by any name
};

struct HostCapabilities {
  int64_t cpu_units = 0;     // logical CPUs x 1024
  int64_t memory_mib = 0;    // of the host
  std::string architecture;  // "x86_64", "arm64"
  bool limits_cpu = false;   // a task's CPU and memory ceilings are held
  bool limits_memory = false;
};

// All that the agent wants of the host. The engine is one implementation; tests have another. Every call may
// block and comes from any thread.
class ContainerDriver {
 public:
  virtual ~ContainerDriver() = default;

  virtual HostCapabilities capabilities() = 0;

  // Errors: as ImageStore::pull.
  virtual Result<PulledImage> pull(const std::string& image, const RegistryLogin& login,
                                   PullBehavior behavior) = 0;
  // Takes these names from the image, and removes it unless it has others, which somebody gave it. Missing:
  // fine. Errors: conflict when a container uses it.
  virtual Result<void> remove_image(const std::string& id, const std::vector<std::string>& names) = 0;

  virtual Result<void> make_group(const TaskGroup& group) = 0;     // there already: its limits are set again
  virtual Result<void> remove_group(const std::string& path) = 0;  // missing: fine

  // Answers the id; one of this name that exists already is taken for it (a crash came between).
  virtual Result<std::string> create(const engine::ContainerSpec& spec) = 0;
  virtual Result<void> start(const std::string& id) = 0;
  virtual Result<void> stop(const std::string& id, std::chrono::seconds timeout) = 0;  // missing: fine
  virtual Result<void> remove(const std::string& id) = 0;                              // missing: fine
  virtual Result<Observed> inspect(const std::string& id) = 0;  // by id or name; missing is a state
  // Returns when the container differs from `seen`, or after `limit`.
  virtual void wait_for_change(const std::string& id, const Observed& seen,
                               std::chrono::milliseconds limit) = 0;
  virtual Result<engine::ContainerStats> stats(const std::string& id) = 0;
};

}  // namespace gantry::agent
