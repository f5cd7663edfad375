#include "base/files.h"
#include "base/text.h"
#include "runtime/process.h"

#include <cstdlib>
#include <linux/ioprio.h>
#include <set>
#include <sys/personality.h>

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

Result<RlimitPlan> plan_rlimit(const oci::Rlimit& config) {
  for (const auto& entry : rlimit_names) {
    if (entry.name != config.type) continue;
    if (config.soft > config.hard) {
      return Error::make(ErrorKind::invalid, "{}: the soft limit {} is above the hard limit {}", config.type,
                         config.soft, config.hard);
    }
    rlimit own{};
    if (::getrlimit(static_cast<__rlimit_resource_t>(entry.resource), &own) != 0) {
      return Error::system(errno, "read {}", config.type);
    }
    return RlimitPlan{
        entry.name.data(), entry.resource, {config.soft, config.hard}, config.hard > own.rlim_max};
  }
  return Error::make(ErrorKind::invalid, "unknown rlimit \"{}\"", config.type);
}

Result<std::vector<RlimitPlan>> plan_rlimits(const std::vector<oci::Rlimit>& configs) {
  std::vector<RlimitPlan> plans;
  std::set<std::string> seen;
  for (const auto& config : configs) {
    if (!seen.insert(config.type).second) {
      return Error::make(ErrorKind::invalid, "rlimit {} is given twice", config.type);
    }
    plans.push_back(TRY(plan_rlimit(config)));
  }
  return plans;
}

Result<void> check_id(const char* what, uint32_t id) {
  if (id != UINT32_MAX) return {};
  return Error::make(ErrorKind::invalid, "{} {} is out of range", what, id);
}

// The last of several values of one variable wins, as in runc.
Result<std::vector<std::string>> plan_environment(const std::vector<std::string>& env) {
  std::vector<std::string> kept;
  std::set<std::string, std::less<>> seen;
  for (auto entry = env.rbegin(); entry != env.rend(); ++entry) {
    const auto equals = entry->find('=');
    if (equals == std::string::npos || equals == 0) {
      return Error::make(ErrorKind::invalid, "environment \"{}\" is not of the form NAME=VALUE", *entry);
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

Result<unsigned long> plan_personality(const oci::Personality& config) {
  if (!config.flags.empty()) {
    return Error::make(ErrorKind::unsupported, "personality flag \"{}\" is not supported", config.flags[0]);
  }
  if (config.domain == "LINUX") return static_cast<unsigned long>(PER_LINUX);
  if (config.domain == "LINUX32") return static_cast<unsigned long>(PER_LINUX32);
  return Error::make(ErrorKind::invalid, "unknown personality domain \"{}\"", config.domain);
}

Result<int> plan_io_priority(const oci::IoPriority& config) {
  int io_class = 0;
  if (config.io_class == "IOPRIO_CLASS_RT") io_class = IOPRIO_CLASS_RT;
  if (config.io_class == "IOPRIO_CLASS_BE") io_class = IOPRIO_CLASS_BE;
  if (config.io_class == "IOPRIO_CLASS_IDLE") io_class = IOPRIO_CLASS_IDLE;
  if (io_class == 0) {
    return Error::make(ErrorKind::invalid, "unknown I/O priority class \"{}\"", config.io_class);
  }
  if (config.priority < 0 || config.priority > 7) {
    return Error::make(ErrorKind::invalid, "I/O priority {} is not between 0 and 7", config.priority);
  }
  return (io_class << 13) | config.priority;
}

Result<void> check_labels(const oci::Process& process) {
  if (!process.selinux_label.empty()) {
    return Error::make(ErrorKind::unsupported, "selinuxLabel is not supported");
  }
  if (process.apparmor_profile.empty()) return {};
  const auto enabled = read_file("/sys/module/apparmor/parameters/enabled");
  if (enabled && *enabled == "Y\n") return {};
  return Error::make(ErrorKind::unsupported, "apparmor: config provided but apparmor not supported");
}

Result<void> plan_user(const oci::User& user, ProcessPlan& plan) {
  TRY(check_id("user id", user.uid));
  TRY(check_id("group id", user.gid));
  for (const uint32_t gid : user.additional_gids) TRY(check_id("additional group id", gid));
  plan.uid = user.uid;
  plan.gid = user.gid;
  plan.groups.assign(user.additional_gids.begin(), user.additional_gids.end());
  if (user.umask.value_or(0) > 0777) {
    return Error::make(ErrorKind::invalid, "umask {:o} is out of range", *user.umask);
  }
  plan.umask = user.umask.value_or(022);
  return {};
}

Result<void> check_console(const oci::Box& size) {
  if (size.height <= UINT16_MAX && size.width <= UINT16_MAX) return {};
  return Error::make(ErrorKind::invalid, "consoleSize: {} x {} is out of range: at most {} each", size.height,
                     size.width, UINT16_MAX);
}

void make_pointers(ProcessPlan& plan) {
  for (auto& argument : plan.arguments) plan.argv.push_back(argument.data());
  plan.argv.push_back(nullptr);
  for (auto& entry : plan.environment) plan.envp.push_back(entry.data());
  plan.envp.push_back(nullptr);
  plan.envp.push_back(nullptr);
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

Result<ProcessPlan> plan_process(const oci::Process& process, const ProcessContext& context,
                                 BorrowedFd procfs, std::vector<std::string>& warnings) {
  if (process.args.empty()) return Error::make(ErrorKind::invalid, "args must not be empty");
  if (process.args[0].empty()) return Error::make(ErrorKind::invalid, "args[0] must not be empty");
  if (process.cwd.empty() || process.cwd[0] != '/') {
    return Error::make(ErrorKind::invalid, "Cwd must be an absolute path");
  }
  if (!process.scheduler.text.empty()) {
    return Error::make(ErrorKind::unsupported, "process.scheduler is not supported");
  }
  if (!process.exec_cpu_affinity.text.empty()) {
    return Error::make(ErrorKind::unsupported, "process.execCPUAffinity is not supported");
  }
  TRY(check_labels(process));
  ProcessPlan plan;
  plan.arguments = process.args;
  plan.environment = TRY(plan_environment(process.env));
  plan.preserved = context.preserved + pass_listen_fds(plan.environment);
  plan.find_home = find_variable(plan.environment, "HOME").empty();
  if (plan.find_home) std::erase(plan.environment, "HOME=");
  plan.candidates = plan_candidates(plan);
  plan.cwd = process.cwd;
  TRY(plan_user(process.user, plan));
  const OwnStatus own = TRY(read_own_status(procfs));
  plan.ignored_signals = own.ignored_signals;
  plan.capabilities = plan_capabilities(process.capabilities, own, warnings);
  plan.no_new_privileges = process.no_new_privileges;
  plan.rlimits = TRY(plan_rlimits(process.rlimits));
  plan.oom_score_adj = process.oom_score_adj;
  plan.apparmor_profile = process.apparmor_profile;
  plan.keyring = context.keyring;
  if (process.io_priority) plan.io_priority = TRY(plan_io_priority(*process.io_priority));
  if (context.personality != nullptr && *context.personality) {
    plan.personality = TRY(plan_personality(**context.personality));
  }
  if (context.seccomp != nullptr && *context.seccomp) {
    plan.seccomp = TRY(plan_seccomp(**context.seccomp, context.seccomp_cache));
  }
  plan.terminal.wanted = process.terminal;
  if (process.terminal && process.console_size) {
    TRY(check_console(*process.console_size));
    plan.terminal.rows = static_cast<uint16_t>(process.console_size->height);
    plan.terminal.columns = static_cast<uint16_t>(process.console_size->width);
  }
  make_pointers(plan);
  return plan;
}

}  // namespace gantry::runtime
