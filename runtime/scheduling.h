#pragma once

#include "oci/runtime_config.h"
#include "runtime/failure.h"
#include "runtime/place.h"

#include <cstdint>
#include <string>
#include <sys/types.h>
#include <vector>

// Where and when a process runs: scheduler, CPU affinity, NUMA memory policy.

namespace gantry::runtime {

// A set of CPUs or memory nodes as the kernel takes it: bit N of word N / 64.
using NumberSet = std::vector<unsigned long>;

// "0-3,7": numbers and ranges with commas between. Errors: invalid, with `member` of `place`; numbers above
// 65535. Source: cpuset(7) "List format".
Result<NumberSet> parse_number_list(const std::string& text, const Place& place, std::string_view member);

// struct sched_attr of sched_setattr(2), in its first version: glibc 2.36 has none, and <linux/sched/types.h>
// can't stand beside <sched.h>.
struct SchedulerPlan {
  uint32_t size = sizeof(SchedulerPlan);
  uint32_t policy = 0;
  uint64_t flags = 0;
  int32_t nice = 0;
  uint32_t priority = 0;
  uint64_t runtime = 0;
  uint64_t deadline = 0;
  uint64_t period = 0;
};

// Errors: invalid and unsupported. What the policy has no use for is refused. Source: runtime-spec config.md
// "scheduler"; sched(7).
Result<SchedulerPlan> plan_scheduler(const oci::Scheduler& config, const Place& place);
// In the parent, which keeps its rights over the scheduler whatever user namespace the process is in.
Result<void> set_scheduler(const SchedulerPlan& plan, pid_t pid);

// For one more process in a container; empty sets leave the affinity alone.
struct AffinityPlan {
  NumberSet initial;  // of the runtime, which the process is born with
  NumberSet final;    // once it is in the container's cgroup
};
Result<AffinityPlan> plan_affinity(const oci::CpuAffinity& config, const Place& place);
// pid 0 is the caller. sched_setaffinity(2).
Result<void> set_affinity(const NumberSet& cpus, pid_t pid, const char* which);

struct MemoryPolicyPlan {
  int mode = 0;  // MPOL_* and MPOL_F_*
  NumberSet nodes;
};
// Errors: invalid. Source: runtime-spec config-linux.md "Memory policy".
Result<MemoryPolicyPlan> plan_memory_policy(const oci::MemoryPolicy& config, const Place& place);
// In the child: of this process and, over execve(2), its program. set_mempolicy(2).
Failure set_memory_policy(const MemoryPolicyPlan& plan);

std::vector<std::string> memory_policy_modes();
std::vector<std::string> memory_policy_flags();

}  // namespace gantry::runtime
