#include "runtime/hooks.h"

#include "base/fd.h"
#include "runtime/channel.h"
#include "runtime/syscalls.h"

#include <algorithm>
#include <climits>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

namespace gantry::runtime {
namespace {

// The last that a hook printed, for its error.
struct Output {
  char text[700] = {};
  size_t used = 0;

  void add(const char* data, size_t size) {
    constexpr size_t room = sizeof text - 1;
    if (size > room) {
      data += size - room;
      size = room;
    }
    if (used + size > room) {
      const size_t dropped = used + size - room;
      std::memmove(text, text + dropped, used - dropped);
      used -= dropped;
    }
    std::memcpy(text + used, data, size);
    used += size;
    text[used] = '\0';
  }
};

Output output;
char failure_text[1100];

int64_t now_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1000000;
}

// For poll(2), which takes no more than 24 days.
int wait_ms(int64_t left) {
  return static_cast<int>(std::min<int64_t>(left, INT_MAX));
}

bool write_text(BorrowedFd file, const char* text, size_t size) {
  while (size > 0) {
    const ssize_t written = ::write(file.get(), text, size);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    text += written;
    size -= static_cast<size_t>(written);
  }
  return true;
}

// A memory file, so that a hook may read it or not, at its own pace.
UniqueFd make_input(const HookState& state, pid_t pid) {
  UniqueFd file(::memfd_create("state", MFD_CLOEXEC));
  char number[24];
  const int length = std::snprintf(number, sizeof number, "%d", static_cast<int>(pid));
  const bool written = file && write_text(file, state.before.data(), state.before.size()) &&
                       write_text(file, number, static_cast<size_t>(length)) &&
                       write_text(file, state.after.data(), state.after.size()) &&
                       ::lseek(file.get(), 0, SEEK_SET) == 0;
  return written ? std::move(file) : UniqueFd();
}

// An empty path leaves descriptor `number` as it is.
bool redirect(const std::string& path, int number) {
  if (path.empty()) return true;
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
  return file && ::dup2(file.get(), number) == number;
}

// It doesn't outlive a `parent` that is killed: a deleted container's hook would go on unknown to anyone.
[[noreturn]] void become_hook(const HookPlan& hook, BorrowedFd input, BorrowedFd out,
                              char* const* environment, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (::getppid() != parent) ::_exit(127);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  ::setpgid(0, 0);
  ::dup2(input.get(), 0);
  ::dup2(out.get(), 1);
  ::dup2(out.get(), 2);
  const bool redirected = redirect(hook.output_file, 1) && redirect(hook.error_file, 2);
  char* const* inherited = environment != nullptr ? environment : environ;
  // A startContainer hook is the image's program: no descriptor of our caller's goes along (CVE-2024-21626).
  if (redirected && close_on_exec_from(3) == 0)
    ::execve(hook.path.c_str(), hook.argv.data(), hook.environment.empty() ? inherited : hook.envp.data());
  const char* reason = ::strerrordesc_np(errno);
  (void)write_text(BorrowedFd(2), reason, std::strlen(reason));
  ::_exit(127);
}

// False: it passed its limit. Background children of the hook may hold the pipe; its own end is what counts.
bool wait_for_hook(const UniqueFd& pidfd, const UniqueFd& out, int timeout) {
  const int64_t deadline = now_ms() + int64_t{timeout} * 1000;
  char buffer[4096];
  for (bool ended = false; !ended;) {
    pollfd waits[2] = {{out.get(), POLLIN, 0}, {pidfd.get(), POLLIN, 0}};
    const int64_t left = deadline - now_ms();
    if (timeout > 0 && left <= 0) return false;
    if (::poll(waits, 2, timeout > 0 ? wait_ms(left) : -1) < 0) continue;
    ended = waits[1].revents != 0;
    for (;;) {
      const ssize_t got = ::read(out.get(), buffer, sizeof buffer);
      if (got <= 0) break;
      output.add(buffer, static_cast<size_t>(got));
    }
    if (!ended && (waits[0].revents & POLLHUP) != 0) {
      // Nobody can print any more.
      pollfd last = {pidfd.get(), POLLIN, 0};
      const int64_t rest = deadline - now_ms();
      if (timeout > 0 && rest <= 0) return false;
      ended = ::poll(&last, 1, timeout > 0 ? wait_ms(rest) : -1) > 0;
    }
  }
  return true;
}

Failure hook_failed(const HookPlan& hook, const char* how, int number) {
  while (output.used > 0 && (output.text[output.used - 1] == '\n' || output.text[output.used - 1] == ' ')) {
    output.text[--output.used] = '\0';
  }
  char reason[100];
  std::snprintf(reason, sizeof reason, how, number);
  std::snprintf(failure_text, sizeof failure_text, "error running %.80s: %s%s%s", hook.name.c_str(), reason,
                output.used > 0 ? ", output: " : "", output.text);
  return {"%s", 0, failure_text};
}

Failure run_hook(const HookPlan& hook, const HookState& state, pid_t pid, char* const* environment) {
  output = Output{};
  const UniqueFd input = make_input(state, pid);
  int ends[2];
  if (!input || ::pipe2(ends, O_CLOEXEC) != 0) return {"prepare %s", errno, hook.name.c_str()};
  const UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  ::fcntl(read_end.get(), F_SETFL, O_NONBLOCK);
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) return {"fork for %s", errno, hook.name.c_str()};
  if (child == 0) become_hook(hook, input, write_end, environment, parent);
  ::setpgid(child, child);
  write_end.reset();
  const UniqueFd pidfd = open_pidfd(child);
  const bool in_time = pidfd && wait_for_hook(pidfd, read_end, hook.timeout);
  if (!in_time) ::kill(-child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!in_time) return hook_failed(hook, "it did not end within %d s", hook.timeout);
  if (WIFSIGNALED(status)) return hook_failed(hook, "ended by signal %d", WTERMSIG(status));
  if (WEXITSTATUS(status) != 0) return hook_failed(hook, "exit status %d", WEXITSTATUS(status));
  return {};
}

Result<std::string> file_of(const Annotations& annotations, const char* name) {
  const auto found = annotations.find(name);
  if (found == annotations.end()) return std::string();
  if (!found->second.empty() && found->second[0] == '/') return found->second;
  return Error::make(ErrorKind::invalid, "annotation {} must be an absolute path, found \"{}\"", name,
                     found->second);
}

Failure run_hooks(const std::vector<HookPlan>& hooks, const HookState& state, pid_t pid,
                  char* const* environment) {
  for (const auto& hook : hooks) {
    if (const Failure failed = run_hook(hook, state, pid, environment)) return failed;
  }
  return {};
}

}  // namespace

Result<std::vector<HookPlan>> plan_hooks(const char* stage, const std::vector<oci::Hook>& hooks,
                                         const Annotations& annotations) {
  std::vector<HookPlan> plans;
  for (const auto& hook : hooks) {
    HookPlan plan;
    plan.name = format("{} hook #{}", stage, plans.size());
    if (hook.path.empty() || hook.path[0] != '/') {
      return Error::make(ErrorKind::invalid, "{}: path must be absolute, found \"{}\"", plan.name, hook.path);
    }
    if (hook.timeout && *hook.timeout <= 0) {
      return Error::make(ErrorKind::invalid, "{}: timeout must be above 0, found {}", plan.name,
                         *hook.timeout);
    }
    plan.path = hook.path;
    plan.arguments = hook.args.empty() ? std::vector<std::string>{hook.path} : hook.args;
    plan.environment = hook.env;
    plan.timeout = hook.timeout.value_or(0);
    if (std::string_view(stage) != "startContainer") {
      plan.output_file = TRY(file_of(annotations, "run.oci.hooks.stdout"));
      plan.error_file = TRY(file_of(annotations, "run.oci.hooks.stderr"));
    }
    for (auto& argument : plan.arguments) plan.argv.push_back(argument.data());
    plan.argv.push_back(nullptr);
    for (auto& entry : plan.environment) plan.envp.push_back(entry.data());
    plan.envp.push_back(nullptr);
    plans.push_back(std::move(plan));
  }
  return plans;
}

HookState plan_hook_state(const oci::State& state) {
  constexpr pid_t marker = 1234567890;
  oci::State marked = state;
  marked.pid = marker;
  const std::string text = oci::to_json_text(marked);
  const std::string number = std::to_string(marker);
  const size_t at = text.find("\"pid\":" + number) + 6;
  return {text.substr(0, at), text.substr(at + number.size())};
}

Failure run_hooks_in_init(const std::vector<HookPlan>& hooks, const HookState& state,
                          char* const* environment) {
  return hooks.empty() ? Failure{} : run_hooks(hooks, state, ::getpid(), environment);
}

Result<void> run_hooks_here(const std::vector<HookPlan>& hooks, const oci::State& state) {
  if (hooks.empty()) return {};
  const Failure failed = run_hooks(hooks, plan_hook_state(state), state.pid, nullptr);
  if (!failed) return {};
  char text[1000];
  describe_failure(failed, text, sizeof text);
  return Error(ErrorKind::system, text);
}

}  // namespace gantry::runtime
