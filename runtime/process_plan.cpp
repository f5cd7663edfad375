#include "base/files.h"
#include "base/text.h"
#include "runtime/place.h"
#include "runtime/process.h"
#include "runtime/seccomp_cache.h"
#include "runtime/user_namespace.h"

#include <cstdlib>
#include <linux/ioprio.h>
#include <linux/oom.h>
#include <set>
#include <sys/personality.h>
#include <unistd.h>

namespace gantry::runtime {
namespace {

struct RlimitName {
  std::string_view name;
  int resource;
};

constexpr RlimitName rlimit_names[] = {
    {"RLIMIT_AS", RLIMIT_AS},
    {"RLIMIT_CORE", RLIMIT_CORE},
    {"RLIMIT_CPU", RLIMIT_CPU},
    {"RLIMIT_DATA", RLIMIT_DATA},
    {"RLIMIT_FSIZE", RLIMIT_FSIZE},
    {"RLIMIT_LOCKS", RLIMIT_LOCKS},
    {"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK},
    {"RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE},
    {"RLIMIT_NICE", RLIMIT_NICE},
    {"RLIMIT_NOFILE", RLIMIT_NOFILE},
    {"RLIMIT_NPROC", RLIMIT_NPROC},
    {"RLIMIT_RSS", RLIMIT_RSS},
    {"RLIMIT_RTPRIO", RLIMIT_RTPRIO},
    {"RLIMIT_RTTIME", RLIMIT_RTTIME},
    {"RLIMIT_SIGPENDING", RLIMIT_SIGPENDING},
    {"RLIMIT_STACK", RLIMIT_STACK},
};

Result<RlimitPlan> plan_rlimit(const oci::Rlimit& config, const Place& place, size_t index) {
  const auto member = [&] { return format(".rlimits[{}]", index); };
  for (const auto& entry : rlimit_names) {
    if (entry.name != config.type) continue;
    if (config.soft > config.hard) {
      return place.invalid(member(), "{}: the soft limit {} is above the hard limit {}", config.type,
                           config.soft, config.hard);
    }
    rlimit own{};
    if (::getrlimit(static_cast<__rlimit_resource_t>(entry.resource), &own) != 0) {
      return Error::system(errno, "read {}", config.type);
    }
    return RlimitPlan{
        entry.name.data(), entry.resource, {config.soft, config.hard}, config.hard > own.rlim_max};
  }
  return place.invalid(member() + ".type", "unknown rlimit \"{}\"", config.type);
}

Result<std::vector<RlimitPlan>> plan_rlimits(const std::vector<oci::Rlimit>& configs, const Place& place) {
  std::vector<RlimitPlan> plans;
  std::set<std::string> seen;
  for (const auto& config : configs) {
    if (!seen.insert(config.type).second) {
      return place.invalid(format(".rlimits[{}].type", plans.size()), "rlimit {} is given twice",
                           config.type);
    }
    plans.push_back(TRY(plan_rlimit(config, place, plans.size())));
  }
  return plans;
}

Result<void> check_id(const Place& place, const char* member, const char* what, uint32_t id) {
  if (id != UINT32_MAX) return {};
  return place.invalid(member, "{} {} is out of range", what, id);
}

// The last of several values of one variable wins, as in runc.
Result<std::vector<std::string>> plan_environment(const std::vector<std::string>& env, const Place& place) {
  std::vector<std::string> kept;
  std::set<std::string, std::less<>> seen;
  for (auto entry = env.rbegin(); entry != env.rend(); ++entry) {
    const auto equals = entry->find('=');
    if (equals == std::string::npos || equals == 0) {
      return place.invalid(format(".env[{}]", env.rend() - entry - 1),
                           "environment \"{}\" is not of the form NAME=VALUE", *entry);
    }
    if (seen.insert(entry->substr(0, equals)).second) kept.push_back(*entry);
  }
  return std::vector<std::string>(kept.rbegin(), kept.rend());
}

std::string_view find_variable(const std::vector<std::string>& environment, std::string_view name) {
  for (const auto& entry : environment) {
    if (entry.size() > name.size() && entry.compare(0, name.size(), name) == 0 && entry[name.size()] == '=') {
      return std::string_view(entry).substr(name.size() + 1);
    }
  }
  return {};
}

std::vector<std::string> plan_candidates(const ProcessPlan& plan) {
  const std::string& program = plan.arguments[0];
  if (program.find('/') != std::string::npos) return {program};
  std::vector<std::string> candidates;
  const std::string_view path = find_variable(plan.environment, "PATH");
  if (path.empty()) return candidates;
  for (const auto& folder : split(path, ':')) {
    candidates.push_back(join_path(folder.empty() ? "." : folder, program));
  }
  return candidates;
}

Result<unsigned long> plan_personality(const oci::Personality& config, const Place& place) {
  if (!config.flags.empty()) {
    return place.unsupported(".flags[0]", "personality flag \"{}\" is not supported", config.flags[0]);
  }
  if (config.domain == "LINUX") return static_cast<unsigned long>(PER_LINUX);
  if (config.domain == "LINUX32") return static_cast<unsigned long>(PER_LINUX32);
  return place.invalid(".domain", "unknown personality domain \"{}\"", config.domain);
}

Result<int> plan_io_priority(const oci::IoPriority& config, const Place& place) {
  int io_class = 0;
  if (config.io_class == "IOPRIO_CLASS_RT") io_class = IOPRIO_CLASS_RT;
  if (config.io_class == "IOPRIO_CLASS_BE") io_class = IOPRIO_CLASS_BE;
  if (config.io_class == "IOPRIO_CLASS_IDLE") io_class = IOPRIO_CLASS_IDLE;
  if (io_class == 0) {
    return place.invalid(".ioPriority.class", "unknown I/O priority class \"{}\"", config.io_class);
  }
  if (config.priority < 0 || config.priority > 7) {
    return place.invalid(".ioPriority.priority", "I/O priority {} is not between 0 and 7", config.priority);
  }
  return (io_class << 13) | config.priority;
}

Result<void> plan_user(const oci::User& user, const Place& place, ProcessPlan& plan) {
  TRY(check_id(place, ".user.uid", "user id", user.uid));
  TRY(check_id(place, ".user.gid", "group id", user.gid));
  for (const uint32_t gid : user.additional_gids) {
    TRY(check_id(place, ".user.additionalGids", "additional group id", gid));
  }
  plan.uid = user.uid;
  plan.gid = user.gid;
  plan.groups.assign(user.additional_gids.begin(), user.additional_gids.end());
  if (user.umask.value_or(0) > 0777) {
    return place.invalid(".user.umask", "umask {:o} is out of range", *user.umask);
  }
  plan.umask = user.umask.value_or(022);
  return {};
}

Result<void> check_console(const oci::Box& size, const Place& place) {
  if (size.height <= UINT16_MAX && size.width <= UINT16_MAX) return {};
  return place.invalid(".consoleSize", "consoleSize: {} x {} is out of range: at most {} each", size.height,
                       size.width, UINT16_MAX);
}

Result<void> check_process(const oci::Process& process, const Place& place) {
  if (process.args.empty()) return place.invalid(".args", "args must not be empty");
  if (process.args[0].empty()) return place.invalid(".args[0]", "args[0] must not be empty");
  if (process.cwd.empty() || process.cwd[0] != '/') {
    return place.invalid(".cwd", "Cwd must be an absolute path, found \"{}\"", process.cwd);
  }
  if (!process.command_line.empty()) {
    return place.unsupported(".commandLine", "is for Windows, and not supported by this runtime");
  }
  if (!process.user.username.empty()) {
    return place.unsupported(".user.username", "is for Windows, and not supported by this runtime");
  }
  if (process.oom_score_adj &&
      (*process.oom_score_adj < OOM_SCORE_ADJ_MIN || *process.oom_score_adj > OOM_SCORE_ADJ_MAX))
    return place.invalid(".oomScoreAdj", "must be from -1000 to 1000, found {}", *process.oom_score_adj);
  return {};
}

void make_pointers(ProcessPlan& plan) {
  for (auto& argument : plan.arguments) plan.argv.push_back(argument.data());
  plan.argv.push_back(nullptr);
  for (auto& entry : plan.environment) plan.envp.push_back(entry.data());
  plan.envp.push_back(nullptr);
  plan.envp.push_back(nullptr);
}

// What every process of the container has, init's and exec's.
Result<void> plan_from_container(const ProcessContext& context, ProcessPlan& plan) {
  if (context.container == nullptr) return {};
  const std::string_view source = context.container_source;
  const oci::Linux& container = *context.container;
  if (container.personality) {
    plan.personality = TRY(plan_personality(*container.personality, {source, "$.linux.personality"}));
  }
  if (container.memory_policy) {
    plan.memory_policy = TRY(plan_memory_policy(*container.memory_policy, {source, "$.linux.memoryPolicy"}));
  }
  if (context.filter != nullptr && *context.filter) plan.seccomp = std::move(**context.filter);
  if (!container.seccomp) return {};
  constexpr const char* path = "$.linux.seccomp";
  if (plan.seccomp.program.empty()) {
    plan.seccomp = TRY(compile_seccomp(*container.seccomp, path).context("{}", source));
    // A cache that can't be written costs time, not correctness.
    (void)store_seccomp(context.seccomp_cache, seccomp_cache_key(container.seccomp_text), plan.seccomp);
  }
  plan.listener = TRY(plan_listener(*container.seccomp, path).context("{}", source));
  return {};
}

// Socket activation: the descriptors come first among the preserved ones, and the container is told of them.
unsigned pass_listen_fds(std::vector<std::string>& environment) {
  const char* pid = ::getenv("LISTEN_PID");
  const char* count = ::getenv("LISTEN_FDS");
  if (pid == nullptr || count == nullptr || pid != std::to_string(::getpid())) return 0;
  const auto number = parse_unsigned("LISTEN_FDS", count, 1024);
  if (!number || *number == 0) return 0;
  environment.push_back("LISTEN_PID=1");
  environment.push_back(format("LISTEN_FDS={}", *number));
  return static_cast<unsigned>(*number);
}

}  // namespace

bool keeps_original_groups(const std::map<std::string, std::string>& annotations) {
  return annotations.count("run.oci.keep_original_groups") > 0;
}

Result<ProcessPlan> plan_process(const oci::Process& process, const ProcessContext& context,
                                 std::vector<std::string>& warnings) {
  const Place place{context.source, context.place};
  TRY(check_process(process, place));
  ProcessPlan plan;
  plan.arguments = process.args;
  plan.environment = TRY(plan_environment(process.env, place));
  plan.preserved = context.preserved + pass_listen_fds(plan.environment);
  plan.find_home = find_variable(plan.environment, "HOME").empty();
  if (plan.find_home) std::erase(plan.environment, "HOME=");
  plan.candidates = plan_candidates(plan);
  plan.cwd = process.cwd;
  TRY(plan_user(process.user, place, plan));
  if (context.container != nullptr && denies_groups(*context.container) && !plan.groups.empty()) {
    plan.groups.clear();
    warnings.emplace_back("additionalGids are not set: a user namespace with one group allows no setgroups");
  }
  const OwnStatus own = TRY(read_own_status());
  plan.ignored_signals = own.ignored_signals;
  plan.keeps_ids = own.is_root && plan.uid == 0 && plan.gid == 0 && context.container != nullptr &&
                   !has_user_namespace(*context.container);
  plan.capabilities = plan_capabilities(process.capabilities, own, warnings);
  plan.no_new_privileges = process.no_new_privileges;
  plan.rlimits = TRY(plan_rlimits(process.rlimits, place));
  plan.oom_score_adj = process.oom_score_adj;
  plan.labels = TRY(plan_labels(process, place));
  if (process.scheduler) plan.scheduler = TRY(plan_scheduler(*process.scheduler, place));
  if (process.exec_cpu_affinity) plan.affinity = TRY(plan_affinity(*process.exec_cpu_affinity, place));
  plan.keyring = context.keyring;
  plan.keeps_groups = context.keeps_groups;
  if (process.io_priority) plan.io_priority = TRY(plan_io_priority(*process.io_priority, place));
  plan.schedules_itself = (plan.scheduler || plan.io_priority) && ::geteuid() != 0;
  TRY(plan_from_container(context, plan));
  plan.terminal.wanted = process.terminal;
  if (process.terminal && process.console_size) {
    TRY(check_console(*process.console_size, place));
    plan.terminal.rows = static_cast<uint16_t>(process.console_size->height);
    plan.terminal.columns = static_cast<uint16_t>(process.console_size->width);
  }
  make_pointers(plan);
  return plan;
}

}  // namespace gantry::runtime
