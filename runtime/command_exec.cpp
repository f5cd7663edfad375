#include "base/files.h"
#include "base/text.h"
#include "oci/capability.h"
#include "runtime/commands.h"
#include "runtime/exec.h"
#include "runtime/log.h"
#include "runtime/plan.h"
#include "runtime/relay.h"

#include <algorithm>

namespace gantry::runtime {
namespace {

struct ExecFlags {
  ExecOptions options;
  std::string process_file;
  std::string cwd;
  std::vector<std::string> env;
  std::string user = not_given;
  std::vector<std::string> groups;
  std::vector<std::string> capabilities;
  std::string label;
  std::string apparmor;
  std::string preserve = "0";
  bool tty = false;
  bool no_new_privs = false;

  std::vector<Flag> table() {
    return {
        option("process", 'p', process_file, "FILE", "a process object as JSON, instead of PROGRAM"),
        option("cwd", 0, cwd, "DIR", "working directory (default: the container's)"),
        repeated("env", 'e', env, "NAME=VALUE", "set a variable; repeatable"),
        toggle("tty", 't', tty, "give it a terminal"),
        option("user", 'u', user, "UID[:GID]", "numbers (default: the container's)"),
        repeated("additional-gids", 'g', groups, "GID", "a further group; repeatable"),
        repeated("cap", 'c', capabilities, "NAME", "add a capability; repeatable"),
        toggle("no-new-privs", 0, no_new_privs, "it can't gain privileges"),
        option("apparmor", 0, apparmor, "PROFILE", "AppArmor profile"),
        option("process-label", 0, label, "LABEL", "SELinux label"),
        toggle("detach", 'd', options.detached, "don't wait for its end"),
        option("console-socket", 0, options.console_socket, "PATH", "socket that gets the terminal's master"),
        option("pidfd-socket", 0, options.pidfd_socket, "PATH", "socket that gets a pidfd of the process"),
        option("pid-file", 0, options.pid_file, "FILE", "write its process id there"),
        option("preserve-fds", 0, preserve, "N", "descriptors after stdio and LISTEN_FDS that it inherits"),
        option("cgroup", 0, options.sub_cgroup, "PATH", "a cgroup below the container's (default: its own)"),
        toggle("ignore-paused", 0, options.ignore_paused, "also in a paused container"),
    };
  }
};

constexpr int exec_failure = 255;            // runc's, before the program runs
constexpr uint64_t largest_id = 4294967294;  // 2^32 - 2: the next one means "unchanged" to the kernel

Result<void> set_user(const std::string& text, oci::User& user) {
  const auto parts = split(text, ':');
  if (parts.size() > 2)
    return Error::make(ErrorKind::invalid, "--user must be UID[:GID], found \"{}\"", text);
  user.uid = static_cast<uint32_t>(TRY(parse_unsigned("--user: uid", parts[0], largest_id)));
  if (parts.size() == 2)
    user.gid = static_cast<uint32_t>(TRY(parse_unsigned("--user: gid", parts[1], largest_id)));
  return {};
}

Result<void> add_capability(const std::string& name, oci::Capabilities& sets) {
  std::string full;
  for (const char c : name) full += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  if (full.rfind("CAP_", 0) != 0) full = "CAP_" + full;
  if (!oci::capability_number(full))
    return Error::make(ErrorKind::invalid, "--cap: unknown capability \"{}\"", name);
  const auto add = [&](std::vector<std::string>& set) {
    if (std::find(set.begin(), set.end(), full) == set.end()) set.push_back(full);
  };
  add(sets.bounding);
  add(sets.effective);
  add(sets.permitted);
  if (sets.inheritable.empty()) return {};
  add(sets.inheritable);
  add(sets.ambient);
  return {};
}

Result<void> add_variables(const std::vector<std::string>& given, std::vector<std::string>& env) {
  for (const auto& variable : given) {
    const auto equals = variable.find('=');
    if (equals == std::string::npos || equals == 0)
      return Error::make(ErrorKind::invalid, "--env must be NAME=VALUE, found \"{}\"", variable);
    env.push_back(variable);
  }
  return {};
}

// The process document, with what it leaves out taken from the container's own.
Result<oci::Process> read_process(const std::string& file, const oci::Process& own) {
  const std::string text = TRY(read_file(file));
  auto process = TRY(oci::parse_process(text, file));
  if (!process.capabilities) process.capabilities = own.capabilities;
  if (process.apparmor_profile.empty()) process.apparmor_profile = own.apparmor_profile;
  if (process.selinux_label.empty()) process.selinux_label = own.selinux_label;
  if (!process.scheduler) process.scheduler = own.scheduler;
  if (!process.io_priority) process.io_priority = own.io_priority;
  if (!process.exec_cpu_affinity) process.exec_cpu_affinity = own.exec_cpu_affinity;
  if (!process.oom_score_adj) process.oom_score_adj = own.oom_score_adj;
  return process;
}

// The document says all of these. --tty may repeat what it says: conmon passes both.
Result<void> refuse_beside_process(const ExecFlags& flags, const oci::Process& process) {
  const std::pair<const char*, bool> given[] = {
      {"--user", flags.user != not_given},
      {"--cwd", !flags.cwd.empty()},
      {"--env", !flags.env.empty()},
      {"--tty", flags.tty && !process.terminal},
      {"--additional-gids", !flags.groups.empty()},
      {"--cap", !flags.capabilities.empty()},
      {"--no-new-privs", flags.no_new_privs},
      {"--apparmor", !flags.apparmor.empty()},
      {"--process-label", !flags.label.empty()},
  };
  for (const auto& [name, present] : given) {
    if (!present) continue;
    return Error::make(ErrorKind::invalid, "{} can't be given with --process: {} decides it", name,
                       flags.process_file);
  }
  return {};
}

Result<oci::Process> make_process(const ExecFlags& flags, const Arguments& program, const oci::Process& own) {
  if (!flags.process_file.empty()) {
    if (!program.empty())
      return Error::make(ErrorKind::invalid, "exec takes --process FILE or a command, not both");
    auto process = TRY(read_process(flags.process_file, own));
    TRY(refuse_beside_process(flags, process));
    return process;
  }
  if (program.empty()) return Error::make(ErrorKind::invalid, "exec args cannot be empty");
  oci::Process process = own;
  process.args = program;
  process.terminal = flags.tty;
  process.console_size.reset();
  if (!flags.cwd.empty()) process.cwd = flags.cwd;
  if (!flags.apparmor.empty()) process.apparmor_profile = flags.apparmor;
  if (!flags.label.empty()) process.selinux_label = flags.label;
  process.no_new_privileges = process.no_new_privileges || flags.no_new_privs;
  TRY(add_variables(flags.env, process.env));
  if (flags.user != not_given) TRY(set_user(flags.user, process.user));
  for (const auto& group : flags.groups) {
    process.user.additional_gids.push_back(
        static_cast<uint32_t>(TRY(parse_unsigned("--additional-gids", group, largest_id))));
  }
  if (flags.capabilities.empty()) return process;
  if (!process.capabilities) process.capabilities.emplace();
  for (const auto& name : flags.capabilities) TRY(add_capability(name, *process.capabilities));
  return process;
}

Result<void> check_terminal(const oci::Process& process, const ExecOptions& options) {
  const bool socket = !options.console_socket.empty();
  if (process.terminal && options.detached && !socket) {
    return Error::make(ErrorKind::invalid,
                       "cannot allocate tty if gantry-oci will detach without setting console socket");
  }
  if (socket && !process.terminal) {
    return Error::make(ErrorKind::invalid,
                       "cannot use console socket if gantry-oci will not detach or allocate tty");
  }
  return {};
}

Result<int> exec_in(const GlobalOptions& global, ExecFlags& flags, const Arguments& rest) {
  flags.options.preserve_fds =
      static_cast<unsigned>(TRY(parse_unsigned("--preserve-fds", flags.preserve, 65535)));
  TRY(check_preserved(flags.options.preserve_fds));
  const auto found = TRY(find_container(global, rest[0], false));
  const auto status = current_status(found.folder, found.record);
  if (status == oci::Status::stopped || status == oci::Status::creating) {
    return Error::make(ErrorKind::conflict, "cannot exec in a stopped container");
  }
  if (status == oci::Status::paused && !flags.options.ignore_paused) {
    return Error::make(ErrorKind::conflict,
                       "cannot exec in a paused container (use --ignore-paused to override)");
  }
  auto configuration = TRY(found.folder.load_configuration(seccomp_cache_of(global.root)));
  if (!flags.process_file.empty()) {
    flags.options.source = flags.process_file;
    flags.options.place = "$";
  }
  if (!flags.cwd.empty() && flags.cwd[0] != '/') {
    return Error::make(ErrorKind::invalid, "--cwd: Cwd must be an absolute path, found \"{}\"", flags.cwd);
  }
  const auto process =
      TRY(make_process(flags, Arguments(rest.begin() + 1, rest.end()), *configuration.config.process));
  TRY(check_terminal(process, flags.options));
  if (flags.options.detached) {
    TRY(execute(global, found.record, configuration, process, flags.options));
    return 0;
  }
  const SignalRelay signals = TRY(SignalRelay::make());
  const Executed executed = TRY(execute(global, found.record, configuration, process, flags.options));
  return follow_process(executed.pidfd, executed.terminal, signals);
}

}  // namespace

Result<int> command_exec(const GlobalOptions& global, const Arguments& arguments) {
  ExecFlags flags;
  const auto rest = TRY(arguments_of("exec", flags.table(), arguments));
  if (!rest) return 0;
  const auto status = exec_in(global, flags, *rest);
  if (status) return *status;
  log_error("exec failed: " + status.error().message());
  return exec_failure;
}

}  // namespace gantry::runtime
