#include "tests/runtime/call_killer.h"

#include "base/fd.h"

#include <csignal>
#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

namespace gantry::runtime {
namespace {

constexpr int call_stop = SIGTRAP | 0x80;  // PTRACE_O_TRACESYSGOOD

// Forks. The child becomes the program once the other side of `gate`, `opener`, is closed; at once without
// them.
pid_t spawn_program(const std::vector<std::string>& command, const UniqueFd& gate, UniqueFd& opener) {
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  opener.reset();
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int fd = 0; fd < 3; ++fd) ::dup2(null, fd);
  std::vector<char*> arguments;
  for (const auto& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));  // NOLINT
  arguments.push_back(nullptr);
  char byte = 0;
  while (gate && ::read(gate.get(), &byte, 1) < 0) {
  }
  ::execv(arguments[0], arguments.data());
  ::_exit(127);
}

// Whoever is seized, and no other kind of tracee, can be interrupted, and let go, at any moment.
bool seize(pid_t pid, long options) {
  int status = 0;
  return ::ptrace(PTRACE_SEIZE, pid, nullptr, options) == 0 &&
         ::ptrace(PTRACE_INTERRUPT, pid, nullptr, nullptr) == 0 && ::waitpid(pid, &status, __WALL) == pid;
}

// One program and its victim, followed until the program has ended.
class Chase {
 public:
  Chase(pid_t program, pid_t victim, int number) : program_(program), victim_(victim), number_(number) {}

  Killed follow() {
    for (;;) {
      int status = 0;
      const pid_t pid = ::waitpid(-1, &status, __WALL);
      if (pid < 0) return result_;  // nobody is left
      if (WIFSTOPPED(status)) {
        on_stop(pid, status);
      } else if (pid == program_) {
        result_.status = status;
        let_go();
        return result_;
      } else if (pid == victim_) {
        victim_ = 0;
      }
    }
  }

 private:
  void on_stop(pid_t pid, int status) {
    const int signal = WSTOPSIG(status);
    const int event = status >> 16;
    // The first that is new; its stop may come before its parent's.
    if (victim_ == 0 && pid != program_ && !result_.reached) victim_ = pid;
    if (event == PTRACE_EVENT_EXEC && pid == victim_ && pid != program_) {
      ::ptrace(PTRACE_DETACH, pid, nullptr, nullptr);  // the container's own program now
      victim_ = 0;
      return;
    }
    if (pid == victim_ && signal == call_stop && enters(pid) && ++count_ == number_) {
      result_.reached = true;
      ::kill(pid, SIGKILL);
      return;
    }
    const bool ours = event != 0 || signal == call_stop || signal == SIGTRAP || signal == SIGSTOP;
    ::ptrace(pid == victim_ ? PTRACE_SYSCALL : PTRACE_CONT, pid, nullptr, ours ? 0L : long{signal});
  }

  static bool enters(pid_t pid) {
    __ptrace_syscall_info info{};
    return ::ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info) > 0 &&
           info.op == PTRACE_SYSCALL_INFO_ENTRY;
  }

  // The victim got to the end unharmed: it isn't ours any more.
  void let_go() {
    if (victim_ == 0 || victim_ == program_ || result_.reached) return;
    ::ptrace(PTRACE_INTERRUPT, victim_, nullptr, nullptr);
    int status = 0;
    if (::waitpid(victim_, &status, __WALL) == victim_ && WIFSTOPPED(status)) {
      ::ptrace(PTRACE_DETACH, victim_, nullptr, nullptr);
    }
  }

  pid_t program_;
  pid_t victim_;
  int number_;
  int count_ = 0;
  Killed result_;
};

}  // namespace

Killed run_and_kill(const std::vector<std::string>& command, Victim victim, int number) {
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) != 0) return {};
  const UniqueFd gate(ends[0]);
  UniqueFd opener(ends[1]);
  const pid_t program = spawn_program(command, gate, opener);
  const bool itself = victim == Victim::program;
  long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACEEXEC;
  if (!itself) options |= PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK;
  if (!seize(program, options)) return {};
  ::ptrace(itself ? PTRACE_SYSCALL : PTRACE_CONT, program, nullptr, nullptr);
  opener.reset();
  return Chase(program, itself ? program : 0, number).follow();
}

Killed run_and_kill_other(const std::vector<std::string>& command, pid_t victim, int number) {
  if (!seize(victim, PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC)) return {};
  ::ptrace(PTRACE_SYSCALL, victim, nullptr, nullptr);
  UniqueFd nothing;
  return Chase(spawn_program(command, nothing, nothing), victim, number).follow();
}

}  // namespace gantry::runtime
