#include "engine/context.h"
#include "engine/log_config.h"
#include "engine/process_defaults.h"
#include "engine/watch.h"

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace gantry::engine {

namespace {

constexpr int sync_fd = 3;
constexpr int attach_fd = 4;

runtime::RestartPolicy translate(RestartMode mode) {
  switch (mode) {
    case RestartMode::none:
      return runtime::RestartPolicy::none;
    case RestartMode::always:
      return runtime::RestartPolicy::always;
    case RestartMode::on_failure:
      return runtime::RestartPolicy::on_failure;
    case RestartMode::unless_stopped:
      return runtime::RestartPolicy::unless_stopped;
  }
  return runtime::RestartPolicy::none;
}

uint64_t milliseconds(std::chrono::nanoseconds duration) {
  return static_cast<uint64_t>(std::max<int64_t>(duration.count() / 1'000'000, 0));
}

std::vector<std::string> test_command(const std::vector<std::string>& test) {
  if (test[0] == "CMD-SHELL") return {"/bin/sh", "-c", test[1]};
  return {test.begin() + 1, test.end()};
}

runtime::HealthCheck translate(const HealthSpec& health) {
  runtime::HealthCheck check;
  check.test = test_command(health.test);
  check.interval = milliseconds(health.interval);
  check.timeout = milliseconds(health.timeout);
  check.start_period = milliseconds(health.start_period);
  check.start_interval = milliseconds(health.start_interval);
  check.retries = health.retries;
  return check;
}

runtime::RestartConfig translate(const RestartSpec& restart) {
  runtime::RestartConfig config;
  config.policy = translate(restart.mode);
  config.maximum_retries = restart.maximum_retries;
  config.attempt_period_seconds = static_cast<uint32_t>(restart.attempt_period.count());
  config.ignored_exit_codes.assign(restart.ignored_exit_codes.begin(), restart.ignored_exit_codes.end());
  return config;
}

// With our own roots and bridge; the limits don't matter once it has ended.
std::vector<std::string> clean_up_command(const Context& context, const std::string& id) {
  const EngineOptions& options = context.options;
  if (options.command_line.empty()) return {};
  std::vector<std::string> command = {options.command_line, "--root",   options.root,  "--run-root",
                                      options.run_root,     "--bridge", options.bridge};
  if (!options.subnet.empty()) command.insert(command.end(), {"--subnet", options.subnet});
  command.insert(command.end(), {"clean-up", id});
  return command;
}

runtime::MonitorConfig make_config(const Context& context, const ContainerRecord& record, bool attached) {
  const ContainerPaths paths = context.layout.container(record.id);
  runtime::MonitorConfig config;
  config.id = record.id;
  config.runtime = context.options.runtime;
  config.runtime_root = context.layout.runtime_state();
  config.runtime_arguments = runtime_limit_flags(context);
  config.bundle = paths.directory;
  config.log = make_log_config(record, paths.directory);
  config.terminal = record.spec.terminal;
  config.open_stdin = record.spec.open_stdin;
  config.stdin_once = attached && record.spec.open_stdin;
  config.restart = translate(record.spec.restart);
  config.exit_command = clean_up_command(context, record.id);
  if (record.health) config.health_check = translate(*record.health);
  return config;
}

class FileActions {
 public:
  FileActions() { posix_spawn_file_actions_init(&actions_); }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;
  ~FileActions() { posix_spawn_file_actions_destroy(&actions_); }
  void open(int fd, const char* path, int flags) {
    posix_spawn_file_actions_addopen(&actions_, fd, path, flags, 0600);
  }
  void give(int fd, int as) { posix_spawn_file_actions_adddup2(&actions_, fd, as); }
  const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

// A descriptor above those that the child gets, so that one dup2 can't overwrite the source of the other.
Result<UniqueFd> out_of_the_way(const UniqueFd& fd) {
  UniqueFd high(fcntl(fd.get(), F_DUPFD_CLOEXEC, 10));
  if (!high) return Error::system(errno, "duplicate descriptor");
  return high;
}

Result<pid_t> spawn(const Context& context, const ContainerPaths& paths, const UniqueFd& sync,
                    const UniqueFd& attach) {
  std::vector<std::string> arguments = {context.options.monitor, "--dir", paths.directory, "--sync-fd",
                                        std::to_string(sync_fd)};
  FileActions actions;
  actions.open(0, "/dev/null", O_RDONLY);
  actions.open(1, "/dev/null", O_WRONLY);
  actions.open(2, paths.file("monitor.log").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND);
  const UniqueFd high_sync = TRY(out_of_the_way(sync));
  actions.give(high_sync.get(), sync_fd);
  UniqueFd high_attach;
  if (attach) {
    high_attach = TRY(out_of_the_way(attach));
    actions.give(high_attach.get(), attach_fd);
    arguments.insert(arguments.end(), {"--attach-fd", std::to_string(attach_fd)});
  }
  std::vector<char*> argv;
  for (auto& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  pid_t pid = 0;
  int error = 0;
  // On a thread of its own: nice and processors are a thread's, and inherited.
  std::thread([&] {
    take_default_scheduling();
    error = posix_spawn(&pid, argv[0], actions.get(), nullptr, argv.data(), environ);
  }).join();
  if (error != 0) return Error::system(error, "run {}", context.options.monitor);
  return pid;
}

// The monitor's line, or its last words on stderr when it died without one.
Result<runtime::SyncMessage> read_outcome(const ContainerPaths& paths, BorrowedFd sync) {
  const std::string line = TRY(read_all(sync, size_t{1} << 20).context("read from the monitor"));
  if (line.empty()) {
    const std::string words = read_file(paths.file("monitor.log")).value_or("");
    return Error::make(ErrorKind::system, "the monitor ended before the container ran: {}", words);
  }
  return runtime::parse_sync_message(line, "the monitor's message");
}

// One that couldn't start its container says so first, then takes back what the runtime made and writes its
// last status.
Result<void> wait_for_monitor(const ContainerPaths& paths) {
  const auto watch = TRY(DirectoryWatch::make(paths.directory, DirectoryWatch::Interest::replaced));
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (runtime::monitor_is_alive(paths.directory)) {
    if (std::chrono::steady_clock::now() > deadline) {
      return Error::make(ErrorKind::timeout, "the monitor of a container that didn't start doesn't end");
    }
    TRY(watch.wait(std::chrono::milliseconds(20)));
  }
  return {};
}

}  // namespace

Result<runtime::SyncMessage> run_monitor(const Context& context, const std::string& directory,
                                         const runtime::MonitorConfig& config, UniqueFd attach) {
  const ContainerPaths paths{directory};
  TRY(write_file(paths.file("monitor.json"), to_json_text(config)));
  auto pipe = TRY(Pipe::make());
  const pid_t pid = TRY(spawn(context, paths, pipe.write, attach));
  pipe.write.reset();
  attach.reset();
  auto outcome = read_outcome(paths, pipe.read);
  // The parent of the background monitor leaves at once.
  while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  if (!outcome || outcome->pid <= 0) TRY(wait_for_monitor(paths));
  return outcome;
}

Result<void> launch_monitor(const Context& context, const ContainerRecord& record, UniqueFd attach) {
  const std::string directory = context.layout.container(record.id).directory;
  const auto config = make_config(context, record, bool(attach));
  const auto message = TRY(run_monitor(context, directory, config, std::move(attach)));
  if (message.pid > 0) return {};
  return start_error(message.error, message.exit_code);
}

}  // namespace gantry::engine
