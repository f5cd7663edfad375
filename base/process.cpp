#include "base/process.h"

#include "base/files.h"
#include "base/text.h"

#include <array>
#include <climits>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace gantry {
namespace {

constexpr size_t kept_output = size_t{16} << 20;

struct StatFields {
  char state = 'X';
  uint64_t start_time = 0;
  int wait_status = 0;  // as waitpid(2) gives it; 0 while it runs, or where we may not know
};

Result<StatFields> read_stat(pid_t pid) {
  const std::string path = format("/proc/{}/stat", pid);
  const UniqueFd file = TRY(open_file(path, O_RDONLY));
  const std::string text = TRY(read_piece(file).context("read {}", path));
  // The command name may hold spaces and parentheses; the fields go on after the last ")".
  const auto close = text.rfind(')');
  if (close == std::string::npos || close + 2 > text.size()) {
    return Error::make(ErrorKind::corrupt, "/proc/{}/stat has no command name", pid);
  }
  const auto fields = split(std::string_view(text).substr(close + 2), ' ');  // [0] is field 3, the state
  if (fields.size() < 20) return Error::make(ErrorKind::corrupt, "/proc/{}/stat has too few fields", pid);
  StatFields found{fields[0].empty() ? 'X' : fields[0][0], TRY(parse_unsigned("start time", fields[19]))};
  if (fields.size() > 49) {
    found.wait_status = static_cast<int>(TRY(parse_unsigned("exit code", trim(fields[49]), INT_MAX)));
  }
  return found;
}

struct Spawned {
  pid_t pid;
  UniqueFd input;
  UniqueFd output;
  UniqueFd errors;
};

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (const auto& text : strings) result.push_back(const_cast<char*>(text.c_str()));  // NOLINT: exec's type
  result.push_back(nullptr);
  return result;
}

Result<Spawned> spawn(const Command& command) {
  Pipe input = TRY(Pipe::make());
  Pipe output = TRY(Pipe::make());
  Pipe errors = TRY(Pipe::make());
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawnattr_init(&attributes);
  ::posix_spawn_file_actions_adddup2(&actions, input.read.get(), 0);
  ::posix_spawn_file_actions_adddup2(&actions, output.write.get(), 1);
  ::posix_spawn_file_actions_adddup2(&actions, errors.write.get(), 2);
  if (!command.working_directory.empty()) {
    ::posix_spawn_file_actions_addchdir_np(&actions, command.working_directory.c_str());
  }
  sigset_t none;
  sigemptyset(&none);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setpgroup(&attributes, 0);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
  const auto arguments = pointers(command.arguments);
  const auto environment = command.environment ? pointers(*command.environment) : std::vector<char*>{};
  pid_t pid = 0;
  const int error = ::posix_spawnp(&pid, arguments[0], &actions, &attributes, arguments.data(),
                                   command.environment ? environment.data() : environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  if (error != 0) return Error::system(error, "run {}", command.arguments[0]);
  return Spawned{pid, std::move(input.write), std::move(output.read), std::move(errors.read)};
}

// Reads what is there; closes the descriptor at its end.
void drain(UniqueFd& fd, std::string& into) {
  std::array<char, 65536> buffer;
  const ssize_t got = ::read(fd.get(), buffer.data(), buffer.size());
  if (got > 0) {
    into.append(buffer.data(),
                std::min(static_cast<size_t>(got), kept_output - std::min(kept_output, into.size())));
  } else if (got == 0 || (errno != EINTR && errno != EAGAIN)) {
    fd.reset();
  }
}

void feed(UniqueFd& fd, std::string_view& data) {
  const ssize_t count = data.empty() ? 0 : ::write(fd.get(), data.data(), data.size());
  if (count > 0) data.remove_prefix(static_cast<size_t>(count));
  if (data.empty() || (count < 0 && errno != EINTR && errno != EAGAIN)) fd.reset();
}

int status_of(int raw) {
  return WIFSIGNALED(raw) ? 128 + WTERMSIG(raw) : WEXITSTATUS(raw);
}

int remaining(const std::optional<std::chrono::steady_clock::time_point>& deadline) {
  if (!deadline) return -1;
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(*deadline - std::chrono::steady_clock::now())
          .count();
  return left < 0 ? 0 : static_cast<int>(left) + 1;
}

// Writes to a pipe whose reader left raise SIGPIPE; while a command runs it is blocked in this thread, and
// what is pending at the end is taken away.
class IgnoreSigpipe {
 public:
  IgnoreSigpipe() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  IgnoreSigpipe(const IgnoreSigpipe&) = delete;
  IgnoreSigpipe& operator=(const IgnoreSigpipe&) = delete;
  ~IgnoreSigpipe() {
    const timespec now{};
    while (::sigtimedwait(&pipe_, nullptr, &now) > 0) {
    }
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  sigset_t pipe_{};
  sigset_t before_{};
};

}  // namespace

Result<ProcessIdentity> identify_process(pid_t pid) {
  const auto fields = TRY(read_stat(pid).context("process {}", pid));
  return ProcessIdentity{pid, fields.start_time};
}

bool is_alive(const ProcessIdentity& process) {
  if (process.pid <= 0) return false;
  const auto fields = read_stat(process.pid);
  return fields && fields->start_time == process.start_time && fields->state != 'Z' && fields->state != 'X';
}

Result<int> unreaped_wait_status(const ProcessIdentity& process) {
  const auto fields = TRY(read_stat(process.pid));
  if (fields.start_time == process.start_time && fields.state == 'Z') return fields.wait_status;
  return Error::make(ErrorKind::not_found, "process {} isn't one that has ended and waits", process.pid);
}

Result<UniqueFd> open_process(const ProcessIdentity& process) {
  UniqueFd fd(static_cast<int>(::syscall(SYS_pidfd_open, process.pid, 0)));
  if (!fd && errno != ESRCH) return Error::system(errno, "open process {}", process.pid);
  if (!fd || !is_alive(process)) {
    return Error::make(ErrorKind::not_found, "process {}: no such process", process.pid);
  }
  return fd;
}

Result<CommandResult> run_command(const Command& command) {
  if (command.arguments.empty()) return Error::make(ErrorKind::invalid, "run: no program given");
  const IgnoreSigpipe guard;
  Spawned child = TRY(spawn(command));
  std::optional<std::chrono::steady_clock::time_point> deadline;
  if (command.limit) deadline = std::chrono::steady_clock::now() + *command.limit;
  ::fcntl(child.input.get(), F_SETFL, O_NONBLOCK);
  CommandResult result;
  std::string_view input = command.input;
  if (input.empty()) child.input.reset();
  bool late = false;
  while (child.output || child.errors) {
    std::array<pollfd, 3> waits = {
        {{child.output.get(), POLLIN, 0}, {child.errors.get(), POLLIN, 0}, {child.input.get(), POLLOUT, 0}}};
    const int ready = ::poll(waits.data(), waits.size(), remaining(deadline));
    if (ready == 0) {
      ::kill(-child.pid, SIGKILL);
      late = true;
      break;
    }
    if (ready < 0) continue;
    if (waits[0].revents != 0) drain(child.output, result.output);
    if (waits[1].revents != 0) drain(child.errors, result.errors);
    if (waits[2].revents != 0) feed(child.input, input);
  }
  int raw = 0;
  while (::waitpid(child.pid, &raw, 0) < 0 && errno == EINTR) {
  }
  if (late) {
    return Error::make(ErrorKind::timeout, "{} did not end within {} ms", command.arguments[0],
                       command.limit->count());
  }
  result.status = status_of(raw);
  return result;
}

Result<std::string> check_command(const Command& command) {
  auto result = TRY(run_command(command));
  if (result.status == 0) return std::move(result.output);
  const auto lines = split(trim(result.errors), '\n');
  return Error::make(ErrorKind::system, "{} ended with status {}: {}", join(command.arguments, " "),
                     result.status, lines.back());
}

}  // namespace gantry
