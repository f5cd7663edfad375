#include "base/process.h"
#include "base/random.h"
#include "base/text.h"
#include "engine/capability_set.h"
#include "engine/context.h"
#include "engine/root_files.h"
#include "engine/runtime_log.h"
#include "engine/user.h"
#include "oci/runtime_config.h"

#include <algorithm>
#include <csignal>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace gantry::engine {

namespace {

Result<void> set_exec_user(oci::Process& process, const Context& context, const ContainerRecord& record,
                           const ExecSpec& spec) {
  if (spec.user.empty()) return {};
  const UniqueFd root = TRY(open_root(context.layout.container(record.id).rootfs()));
  const auto user = TRY(resolve_user(root, spec.user, {}));
  process.user.uid = user.uid;
  process.user.gid = user.gid;
  process.user.additional_gids = user.additional_gids;
  std::erase_if(process.env, [](const std::string& variable) { return variable.rfind("HOME=", 0) == 0; });
  process.env.push_back("HOME=" + user.home);
  return {};
}

Result<void> set_exec_capabilities(oci::Process& process, const ContainerRecord& record,
                                   const ExecSpec& spec) {
  const ContainerSpec& own = record.spec;
  const auto names = TRY(
      capability_set(own.capabilities_added, own.capabilities_dropped, own.privileged || spec.privileged));
  oci::Capabilities capabilities;
  capabilities.bounding = names;
  if (process.user.uid == 0) {
    capabilities.effective = names;
    capabilities.permitted = names;
  }
  process.capabilities = std::move(capabilities);
  return {};
}

void add_environment(oci::Process& process, const ExecSpec& spec) {
  if (spec.terminal) process.env.emplace_back("TERM=xterm");
  process.env.insert(process.env.end(), spec.environment.begin(), spec.environment.end());
}

// The container's own process, with what the spec changes.
Result<oci::Process> make_exec_process(const Context& context, const ContainerRecord& record,
                                       const ExecSpec& spec) {
  const std::string path = context.layout.container(record.id).config();
  const std::string text = TRY(read_file(path));
  const auto config = TRY(oci::parse_runtime_config(text, path));
  if (!config.process) return Error::make(ErrorKind::corrupt, "{}: no process", path);
  oci::Process process = *config.process;
  process.args = spec.command;
  process.terminal = spec.terminal;
  process.console_size.reset();
  if (!spec.working_directory.empty()) process.cwd = spec.working_directory;
  TRY(set_exec_user(process, context, record, spec));
  TRY(set_exec_capabilities(process, record, spec));
  add_environment(process, spec);
  return process;
}

// The runtime relays signals to the program; we stay until it has ended.
class IgnoredSignals {
 public:
  IgnoredSignals() {
    struct sigaction ignore {};
    ignore.sa_handler = SIG_IGN;
    sigaction(SIGINT, &ignore, &interrupt_);
    sigaction(SIGQUIT, &ignore, &quit_);
  }
  IgnoredSignals(const IgnoredSignals&) = delete;
  IgnoredSignals& operator=(const IgnoredSignals&) = delete;
  ~IgnoredSignals() {
    sigaction(SIGINT, &interrupt_, nullptr);
    sigaction(SIGQUIT, &quit_, nullptr);
  }

 private:
  struct sigaction interrupt_ {};
  struct sigaction quit_ {};
};

Result<pid_t> spawn(std::vector<std::string>& arguments, bool open_stdin, bool detach) {
  posix_spawn_file_actions_t actions{};
  posix_spawn_file_actions_init(&actions);
  if (!open_stdin) posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  if (detach) {
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
  }
  posix_spawnattr_t attributes{};
  posix_spawnattr_init(&attributes);
  sigset_t defaults;
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGINT);
  sigaddset(&defaults, SIGQUIT);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  std::vector<char*> argv;
  for (auto& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  pid_t pid = 0;
  const int error = posix_spawn(&pid, argv[0], &actions, &attributes, argv.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return Error::system(error, "run {}", arguments[0]);
  return pid;
}

Result<int> wait_status(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return Error::system(errno, "wait for the runtime");
  }
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

// The last error that the runtime logged; empty: it ran the program, and the status is the program's own.
std::string logged_error(const std::string& log) {
  std::string message;
  for (const auto& line : split(read_file(log).value_or(""), '\n')) {
    if (line.empty()) continue;
    const auto record = parse_log_record(line);
    if (record && record->level == "error") message = record->message;
  }
  return message;
}

Result<int> run_exec(const Context& context, const ContainerRecord& record, const ExecSpec& spec,
                     const std::string& folder) {
  const std::string process_file = join_path(folder, "process.json");
  const std::string log = join_path(folder, "log");
  const auto process = TRY(make_exec_process(context, record, spec));
  TRY(write_file(process_file, oci::to_json_text(process)));
  std::vector<std::string> arguments = runtime_command(context);
  arguments.insert(arguments.end(),
                   {"--log", log, "--log-format", "json", "--log-only", "exec", "--process", process_file});
  if (spec.detach) arguments.emplace_back("--detach");
  arguments.push_back(record.id);
  const IgnoredSignals ignored;
  const pid_t pid = TRY(spawn(arguments, spec.open_stdin, spec.detach));
  const int status = TRY(wait_status(pid));
  const std::string message = status == 0 ? "" : logged_error(log);
  if (!message.empty()) return classify_runtime_message(message);
  return status;
}

}  // namespace

Result<int> Engine::exec(const std::string& reference, const ExecSpec& spec) const {
  const std::string id = TRY(resolve_reference(*context_, reference));
  if (spec.command.empty()) return Error::make(ErrorKind::invalid, "exec: no command given");
  if (spec.detach && spec.terminal) {
    return Error::make(ErrorKind::unsupported, "exec: --detach with --tty is not supported");
  }
  const auto record = TRY(read_record(context_->layout.container(id)));
  const auto info = TRY(read_info(*context_, id));
  if (info.state != ContainerState::running) {
    return Error::make(ErrorKind::conflict, "container {} is not running", id);
  }
  const auto folder = TRY(TemporaryDirectory::make(context_->layout.run_root));
  return run_exec(*context_, record, spec, folder.path());
}

}  // namespace gantry::engine
