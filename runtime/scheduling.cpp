#include "runtime/scheduling.h"

#include "base/text.h"

#include <linux/mempolicy.h>
#include <linux/sched.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace gantry::runtime {
namespace {

struct ConstantName {
  std::string_view name;
  uint64_t value;
};

constexpr ConstantName policy_names[] = {
    {"SCHED_OTHER", SCHED_NORMAL}, {"SCHED_FIFO", SCHED_FIFO}, {"SCHED_RR", SCHED_RR},
    {"SCHED_BATCH", SCHED_BATCH},  {"SCHED_IDLE", SCHED_IDLE}, {"SCHED_DEADLINE", SCHED_DEADLINE},
};

constexpr ConstantName scheduler_flag_names[] = {
    {"SCHED_FLAG_RESET_ON_FORK", SCHED_FLAG_RESET_ON_FORK},
    {"SCHED_FLAG_RECLAIM", SCHED_FLAG_RECLAIM},
    {"SCHED_FLAG_DL_OVERRUN", SCHED_FLAG_DL_OVERRUN},
    {"SCHED_FLAG_KEEP_POLICY", SCHED_FLAG_KEEP_POLICY},
    {"SCHED_FLAG_KEEP_PARAMS", SCHED_FLAG_KEEP_PARAMS},
};

// Values of linux/mempolicy.h, of which that of Debian 12 lacks the last.
constexpr ConstantName mode_names[] = {
    {"MPOL_DEFAULT", MPOL_DEFAULT},  {"MPOL_PREFERRED", MPOL_PREFERRED},
    {"MPOL_BIND", MPOL_BIND},        {"MPOL_INTERLEAVE", MPOL_INTERLEAVE},
    {"MPOL_LOCAL", MPOL_LOCAL},      {"MPOL_PREFERRED_MANY", MPOL_PREFERRED_MANY},
    {"MPOL_WEIGHTED_INTERLEAVE", 6},
};

constexpr ConstantName mode_flag_names[] = {
    {"MPOL_F_NUMA_BALANCING", 1 << 13},
    {"MPOL_F_RELATIVE_NODES", MPOL_F_RELATIVE_NODES},
    {"MPOL_F_STATIC_NODES", MPOL_F_STATIC_NODES},
};

constexpr uint64_t largest_number = 65535;
constexpr size_t word_bits = 8 * sizeof(unsigned long);

template <size_t N>
std::optional<uint64_t> constant_of(const ConstantName (&names)[N], std::string_view name) {
  for (const auto& entry : names) {
    if (entry.name == name) return entry.value;
  }
  return std::nullopt;
}

template <size_t N>
std::vector<std::string> names_of(const ConstantName (&names)[N]) {
  std::vector<std::string> all;
  for (const auto& entry : names) all.emplace_back(entry.name);
  return all;
}

Result<uint64_t> parse_list_number(std::string_view digits, const std::string& text, const Place& place,
                                   std::string_view member) {
  const auto number = parse_unsigned("number", digits, largest_number);
  if (number) return *number;
  return place.invalid(member, "must be a list such as \"0-3,7\" of numbers up to {}, found \"{}\"",
                       largest_number, text);
}

Result<uint64_t> scheduler_flags(const std::vector<std::string>& names, const Place& place) {
  uint64_t flags = 0;
  for (size_t i = 0; i < names.size(); ++i) {
    const auto flag = constant_of(scheduler_flag_names, names[i]);
    if (flag) {
      flags |= *flag;
      continue;
    }
    const auto member = format(".scheduler.flags[{}]", i);
    if (names[i] == "SCHED_FLAG_UTIL_CLAMP_MIN" || names[i] == "SCHED_FLAG_UTIL_CLAMP_MAX") {
      return place.unsupported(member, "{} takes a value, and the specification has no member for it",
                               names[i]);
    }
    return place.invalid(member, "invalid scheduler option \"{}\"", names[i]);
  }
  return flags;
}

// Source: sched(7): "at least 1024 … and less than 2^63".
Result<void> check_deadline_time(const Place& place, const char* name, uint64_t value) {
  constexpr uint64_t least = 1024;
  constexpr uint64_t most = (uint64_t{1} << 63) - 1;
  const auto member = format(".scheduler.{}", name);
  if (value == 0) {
    return place.invalid(member, "sched_setattr: `SCHED_DEADLINE` {} must be greater than 0", name);
  }
  if (value >= least && value <= most) return {};
  return place.invalid(member, "sched_setattr: `SCHED_DEADLINE` {} ({}) must be between {} and {}", name,
                       value, least, most);
}

Result<void> check_deadline(const oci::Scheduler& config, const Place& place) {
  for (const auto& [name, value] : {std::pair("runtime", config.runtime), {"deadline", config.deadline}}) {
    if (value) continue;
    return place.invalid(".scheduler", "sched_setattr: `SCHED_DEADLINE` requires `{}`", name);
  }
  const uint64_t period = config.period.value_or(0);  // 0: the deadline
  if (*config.runtime > *config.deadline) {
    return place.invalid(".scheduler.runtime",
                         "sched_setattr: `SCHED_DEADLINE` runtime ({}) must be <= deadline ({})",
                         *config.runtime, *config.deadline);
  }
  if (period != 0 && *config.deadline > period) {
    return place.invalid(".scheduler.deadline",
                         "sched_setattr: `SCHED_DEADLINE` deadline ({}) must be <= period ({})",
                         *config.deadline, period);
  }
  TRY(check_deadline_time(place, "runtime", *config.runtime));
  TRY(check_deadline_time(place, "deadline", *config.deadline));
  return period == 0 ? Result<void>() : check_deadline_time(place, "period", period);
}

// What the policy has no use for would be ignored by the kernel, or refused with no more than EINVAL.
Result<void> check_scheduler(const oci::Scheduler& config, uint64_t policy, const Place& place) {
  const bool fair = policy == SCHED_NORMAL || policy == SCHED_BATCH;
  const bool real_time = policy == SCHED_FIFO || policy == SCHED_RR;
  if (config.nice < -20 || config.nice > 19) {
    return place.invalid(".scheduler.nice", "invalid scheduler.nice: {}: it is from -20 to 19", config.nice);
  }
  if (config.nice != 0 && !fair) {
    return place.invalid(".scheduler.nice", "can only be specified for SCHED_OTHER or SCHED_BATCH policy");
  }
  if (config.priority != 0 && !real_time) {
    return place.invalid(".scheduler.priority",
                         "scheduler.priority can only be specified for SCHED_FIFO or SCHED_RR policy");
  }
  if (real_time && (config.priority < 1 || config.priority > 99)) {
    return place.invalid(".scheduler.priority", "must be from 1 to 99 for {}, found {}", config.policy,
                         config.priority);
  }
  if (policy == SCHED_DEADLINE) return check_deadline(config, place);
  if (config.runtime.value_or(0) == 0 && config.deadline.value_or(0) == 0 && config.period.value_or(0) == 0) {
    return {};
  }
  return place.invalid(".scheduler",
                       "scheduler runtime/deadline/period can only be specified for SCHED_DEADLINE policy");
}

Result<void> check_nodes(const oci::MemoryPolicy& config, int mode, const Place& place) {
  const bool none = mode == MPOL_DEFAULT || mode == MPOL_LOCAL;
  if (none && !config.nodes.empty()) {
    return place.invalid(".nodes", "memory policy mode {} requires 0 nodes, found \"{}\"", config.mode,
                         config.nodes);
  }
  if (!none && mode != MPOL_PREFERRED && config.nodes.empty()) {
    return place.invalid(".nodes", "memory policy mode {} requires at least one node but got 0", config.mode);
  }
  return {};
}

}  // namespace

Result<NumberSet> parse_number_list(const std::string& text, const Place& place, std::string_view member) {
  NumberSet set;
  for (const auto& part : split(text, ',')) {
    const auto dash = part.find('-');
    const uint64_t first = TRY(parse_list_number(part.substr(0, dash), text, place, member));
    uint64_t last = first;
    if (dash != std::string::npos) last = TRY(parse_list_number(part.substr(dash + 1), text, place, member));
    if (last < first) return place.invalid(member, "the range \"{}\" runs backwards", part);
    if (set.size() <= last / word_bits) set.resize(last / word_bits + 1);
    for (uint64_t number = first; number <= last; ++number) {
      set[number / word_bits] |= 1UL << (number % word_bits);
    }
  }
  return set;
}

Result<SchedulerPlan> plan_scheduler(const oci::Scheduler& config, const Place& place) {
  if (config.policy.empty()) return place.invalid(".scheduler.policy", "scheduler policy is required");
  if (config.policy == "SCHED_ISO") {
    return place.unsupported(".scheduler.policy", "SCHED_ISO is reserved: no Linux implements it");
  }
  const auto policy = constant_of(policy_names, config.policy);
  if (!policy) return place.invalid(".scheduler.policy", "invalid scheduler policy \"{}\"", config.policy);
  TRY(check_scheduler(config, *policy, place));
  SchedulerPlan plan;
  plan.policy = static_cast<uint32_t>(*policy);
  plan.flags = TRY(scheduler_flags(config.flags, place));
  plan.nice = config.nice;
  plan.priority = static_cast<uint32_t>(config.priority);
  plan.runtime = config.runtime.value_or(0);
  plan.deadline = config.deadline.value_or(0);
  plan.period = config.period.value_or(0);
  return plan;
}

Result<void> set_scheduler(const SchedulerPlan& plan, pid_t pid) {
  if (::syscall(SYS_sched_setattr, pid, &plan, 0) == 0) return {};
  const int error = errno;
  const char* hint = error == EPERM && plan.policy == SCHED_DEADLINE
                         ? " (SCHED_DEADLINE needs CAP_SYS_NICE, and no cpuset smaller than its root domain)"
                         : "";
  return Error::system(error, "process.scheduler: sched_setattr{}", hint);
}

Result<AffinityPlan> plan_affinity(const oci::CpuAffinity& config, const Place& place) {
  AffinityPlan plan;
  if (!config.initial.empty()) {
    plan.initial = TRY(parse_number_list(config.initial, place, ".execCPUAffinity.initial"));
  }
  if (!config.final.empty()) {
    plan.final = TRY(parse_number_list(config.final, place, ".execCPUAffinity.final"));
  }
  return plan;
}

Result<void> set_affinity(const NumberSet& cpus, pid_t pid, const char* which) {
  if (cpus.empty()) return {};
  if (::syscall(SYS_sched_setaffinity, pid, cpus.size() * sizeof(unsigned long), cpus.data()) == 0) return {};
  return Error::system(errno, "error setting {} CPU affinity", which);
}

Result<MemoryPolicyPlan> plan_memory_policy(const oci::MemoryPolicy& config, const Place& place) {
  const auto mode = constant_of(mode_names, config.mode);
  if (!mode) return place.invalid(".mode", "unknown memory policy mode \"{}\"", config.mode);
  MemoryPolicyPlan plan;
  plan.mode = static_cast<int>(*mode);
  TRY(check_nodes(config, plan.mode, place));
  for (size_t i = 0; i < config.flags.size(); ++i) {
    const auto flag = constant_of(mode_flag_names, config.flags[i]);
    if (!flag) {
      return place.invalid(format(".flags[{}]", i), "unknown memory policy flag \"{}\"", config.flags[i]);
    }
    plan.mode |= static_cast<int>(*flag);
  }
  if (!config.nodes.empty()) plan.nodes = TRY(parse_number_list(config.nodes, place, ".nodes"));
  return plan;
}

Failure set_memory_policy(const MemoryPolicyPlan& plan) {
  const size_t bits = plan.nodes.size() * word_bits;
  // The kernel takes the number of bits plus one.
  const long done = ::syscall(SYS_set_mempolicy, plan.mode, bits == 0 ? nullptr : plan.nodes.data(),
                              bits == 0 ? 0 : bits + 1);
  return done == 0 ? Failure{} : Failure{"set linux.memoryPolicy: set_mempolicy", errno};
}

std::vector<std::string> memory_policy_modes() {
  return names_of(mode_names);
}

std::vector<std::string> memory_policy_flags() {
  return names_of(mode_flag_names);
}

}  // namespace gantry::runtime
