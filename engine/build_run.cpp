#include "base/process.h"
#include "engine/build_root.h"
#include "engine/bundle.h"
#include "engine/context.h"
#include "engine/etc_files.h"
#include "engine/network_setup.h"
#include "engine/process_defaults.h"
#include "engine/root_files.h"

#include <array>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

// BuildRoot::run: a bundle as for a container, and gantry-oci run on it as our child, without a monitor.

namespace gantry::engine {

namespace {

ContainerRecord make_record(const std::string& id, const BuildStepSpec& spec) {
  ContainerRecord record;
  record.id = id;
  record.name = "build step " + id.substr(0, 12);
  record.arguments = spec.arguments;
  record.environment = spec.environment;
  record.user = spec.user;
  record.working_directory = spec.working_directory;
  record.mounts = spec.mounts;
  record.spec.mounts = spec.mounts;
  record.spec.network = spec.network;
  record.spec.extra_hosts = spec.extra_hosts;
  record.spec.hostname = "gantry-build";  // the same each time, as it may get into the layer
  return record;
}

Result<void> write_bundle(const Context& context, const ContainerRecord& record) {
  const ContainerPaths paths = context.layout.container(record.id);
  BundleInputs inputs{context.layout, record, paths, {}, {}, cgroup_path(record), {}};
  const UniqueFd root = TRY(open_root(paths.rootfs()));
  inputs.user = TRY(resolve_user(root, record.user, {}));
  TRY(make_directories_in_root(root, record.working_directory).context("working directory"));
  const NetworkPlace place = TRY(set_up_network(context, record));
  inputs.network_namespace = place.namespace_path;
  inputs.etc_directory = TRY(write_etc_files(context, record, place));
  const auto config = TRY(make_runtime_config(inputs));
  return write_file(paths.config(), oci::to_json_text(config, 2));
}

struct Child {
  pid_t pid = 0;
  UniqueFd output;
  UniqueFd errors;
};

// In a process group of its own: what the terminal sends is for the build to pass on, or not.
Result<pid_t> spawn(std::vector<std::string> arguments, BorrowedFd output, BorrowedFd errors) {
  std::vector<char*> argv;
  for (auto& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions{};
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output.get(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, errors.get(), STDERR_FILENO);
  posix_spawnattr_t attributes{};
  posix_spawnattr_init(&attributes);
  sigset_t none{};
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
  pid_t pid = 0;
  int error = 0;
  std::thread([&] {
    take_default_scheduling();
    error = posix_spawn(&pid, argv[0], &actions, &attributes, argv.data(), environ);
  }).join();
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) return Error::system(error, "run {}", arguments[0]);
  return pid;
}

Result<Child> start(const Context& context, const std::string& id) {
  auto output = TRY(Pipe::make());
  auto errors = TRY(Pipe::make());
  std::vector<std::string> arguments = runtime_command(context);
  const auto limits = runtime_limit_flags(context);
  arguments.insert(arguments.end(), limits.begin(), limits.end());
  arguments.insert(arguments.end(), {"run", "--bundle", context.layout.container(id).directory, id});
  const pid_t pid = TRY(spawn(std::move(arguments), output.write, errors.write));
  return Child{pid, std::move(output.read), std::move(errors.read)};
}

void kill_container(const Context& context, const std::string& id) {
  Command command;
  command.arguments = runtime_command(context);
  command.arguments.insert(command.arguments.end(), {"kill", id, "KILL"});
  command.limit = std::chrono::seconds(10);
  (void)run_command(command);  // not there yet, or no more: tried again while its output is open
}

// Reads what is there; false at the end.
bool pass_on(UniqueFd& from, LogStream stream, const BuildOutput& output) {
  std::array<char, 16384> buffer{};
  const ssize_t size = read(from.get(), buffer.data(), buffer.size());
  if (size < 0 && (errno == EINTR || errno == EAGAIN)) return true;
  if (size <= 0) {
    from.reset();
    return false;
  }
  output(stream, {buffer.data(), static_cast<size_t>(size)});
  return true;
}

Result<bool> relay(Child& child, const Context& context, const std::string& id, int cancel_fd,
                   const BuildOutput& output) {
  constexpr int kill_again_ms = 100;
  bool cancelled = false;
  while (child.output || child.errors) {
    std::array<pollfd, 3> waits = {{{child.output.get(), POLLIN, 0},
                                    {child.errors.get(), POLLIN, 0},
                                    {cancelled ? -1 : cancel_fd, POLLIN, 0}}};
    if (poll(waits.data(), waits.size(), cancelled ? kill_again_ms : -1) < 0 && errno != EINTR) {
      return Error::system(errno, "poll");
    }
    if (waits[0].revents != 0) pass_on(child.output, LogStream::standard_output, output);
    if (waits[1].revents != 0) pass_on(child.errors, LogStream::standard_error, output);
    cancelled = cancelled || waits[2].revents != 0;
    if (cancelled) kill_container(context, id);
  }
  return cancelled;
}

Result<int> wait_for(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return Error::system(errno, "wait for the runtime");
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

Result<int> BuildRoot::run(const BuildStepSpec& spec, const BuildOutput& output) {
  const auto record = make_record(id_, spec);
  network_ = spec.network;
  TRY(write_bundle(*context_, record));
  Child child = TRY(start(*context_, id_));
  const auto cancelled = relay(child, *context_, id_, spec.cancel_fd, output);
  const int code = TRY(wait_for(child.pid));
  return TRY(cancelled) ? 128 + SIGKILL : code;
}

}  // namespace gantry::engine
