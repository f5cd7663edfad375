#include "runtime/seccomp_listener.h"

#include "base/fd_passing.h"
#include "base/json.h"
#include "runtime/syscalls.h"
#include "runtime/terminal.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/socket.h>

namespace gantry::runtime {

struct ContainerProcessState {
  std::string oci_version;
  std::vector<std::string> fds = {"seccompFd"};
  pid_t pid = 0;
  std::string metadata;
  RawJson state;
};

template <class Visitor>
void members(Visitor& visit, ContainerProcessState& message) {
  visit("ociVersion", message.oci_version);
  visit("fds", message.fds);
  visit("pid", message.pid);
  visit("metadata", message.metadata);
  visit("state", message.state);
}

namespace {

// Stands for the pid, and is as long as any.
constexpr pid_t unknown_pid = 1234567890;
constexpr size_t pid_room = 10;

bool names_call(const oci::SeccompRule& rule, std::string_view call) {
  return std::find(rule.names.begin(), rule.names.end(), call) != rule.names.end();
}

bool allows_always(const oci::SeccompProfile& profile, std::string_view call) {
  for (const auto& rule : profile.syscalls) {
    if (names_call(rule, call)) return rule.action == oci::SeccompAction::allow && rule.arguments.empty();
  }
  return profile.default_action == oci::SeccompAction::allow;
}

// Between the thread that the filter is for and the one that sends. Plain memory: no system call is sure to
// be allowed.
struct Handover {
  enum Answer : int { waiting, sent, failed };
  static constexpr int no_filter = -2;

  const ListenerPlan* plan = nullptr;
  std::atomic<int> descriptor{-1};
  std::atomic<int> answer{waiting};
  int error = 0;
};

// 0, or errno. The descriptor goes with the first part.
int send_message(const ListenerPlan& plan, BorrowedFd descriptor) {
  std::string_view rest = plan.message;
  while (!rest.empty()) {
    const bool first = rest.size() == plan.message.size();
    const ssize_t count = first ? send_with_fd(plan.socket, rest, descriptor)
                                : ::send(plan.socket.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno;
    rest.remove_prefix(static_cast<size_t>(count));
  }
  return ::shutdown(plan.socket.get(), SHUT_RDWR) == 0 ? 0 : errno;
}

// Shares all with the thread that waits for it, errno too: that one reads none meanwhile.
int send_from_thread(void* argument) {
  auto& handover = *static_cast<Handover*>(argument);
  int descriptor = -1;
  while ((descriptor = handover.descriptor.load(std::memory_order_acquire)) == -1) ::sched_yield();
  if (descriptor == Handover::no_filter) return 0;
  handover.error = send_message(*handover.plan, BorrowedFd(descriptor));
  // The agent has its own now. With none left, calls get ENOSYS instead of waiting for ever.
  ::close(descriptor);
  handover.answer.store(handover.error == 0 ? Handover::sent : Handover::failed, std::memory_order_release);
  return 0;
}

void wait_a_little(bool may_yield) {
  if (may_yield) {
    ::sched_yield();
    return;
  }
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

// Untouched, and so of no cost, without a listener. Static, since the thread may outlive a call that fails.
alignas(64) char thread_stack[64 * 1024];
Handover handover;

}  // namespace

Result<ListenerPlan> plan_listener(const oci::SeccompProfile& profile, std::string_view path) {
  ListenerPlan plan;
  if (!profile.listener_metadata.empty() && profile.listener_path.empty()) {
    return Error::make(ErrorKind::invalid, "{}.listenerMetadata: seccomp listenerPath is not set", path);
  }
  if (profile.default_action == oci::SeccompAction::notify) {
    return Error::make(ErrorKind::invalid,
                       "{}.defaultAction: SCMP_ACT_NOTIFY cannot be used as default action", path);
  }
  if (!uses_notify(profile)) return plan;
  for (size_t i = 0; i < profile.syscalls.size(); ++i) {
    const auto& rule = profile.syscalls[i];
    if (rule.action != oci::SeccompAction::notify || !names_call(rule, "write")) continue;
    return Error::make(ErrorKind::invalid,
                       "{}.syscalls[{}]: SCMP_ACT_NOTIFY cannot be used for the write syscall", path, i);
  }
  if (profile.listener_path.empty()) {
    return Error::make(ErrorKind::invalid, "{}.listenerPath: seccomp listenerPath is not set", path);
  }
  plan.socket =
      TRY(connect_stream_socket("seccomp listener", profile.listener_path).context("{}.listenerPath", path));
  plan.may_yield = allows_always(profile, "sched_yield");
  return plan;
}

void set_listener_message(ListenerPlan& plan, const oci::SeccompProfile& profile, const oci::State& state) {
  if (!plan.socket) return;
  oci::State marked = state;
  if (marked.pid == 0) marked.pid = unknown_pid;
  plan.message = to_json(ContainerProcessState{std::string(state.oci_version),
                                               {"seccompFd"},
                                               unknown_pid,
                                               profile.listener_metadata,
                                               RawJson{oci::to_json_text(marked)}});
  // Quotes within a string are escaped, so that this is found only where a member begins.
  const std::string member = "\"pid\":";
  const std::string marker = member + std::to_string(unknown_pid);
  for (size_t at = 0; (at = plan.message.find(marker, at)) != std::string::npos; at += marker.size()) {
    plan.pid_places.push_back(at + member.size());
  }
}

Failure complete_listener_message(ListenerPlan& plan, BorrowedFd procfs) {
  if (!plan.socket) return {};
  char pid[pid_room];
  const ssize_t length = ::readlinkat(procfs.get(), "self", pid, sizeof pid);
  if (length <= 0) return {"read the own process id for the seccomp listener", errno};
  for (const size_t at : plan.pid_places) {
    std::memset(plan.message.data() + at, ' ', pid_room);
    std::memcpy(plan.message.data() + at, pid, static_cast<size_t>(length));
  }
  return {};
}

Failure install_seccomp_with_listener(const SeccompPlan& seccomp, const ListenerPlan& listener) {
  if (!listener.socket) return install_seccomp(seccomp);
  handover.plan = &listener;
  constexpr int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;
  if (::clone(send_from_thread, thread_stack + sizeof thread_stack, flags, &handover) < 0) {
    return {"make the thread that serves the seccomp listener", errno};
  }
  const sock_fprog program{
      static_cast<unsigned short>(seccomp.program.size()),
      const_cast<sock_filter*>(seccomp.program.data())};  // NOLINT: the kernel only reads
  const long descriptor = ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, seccomp.flags, &program);
  const int error = descriptor < 0 ? errno : 0;
  handover.descriptor.store(error == 0 ? static_cast<int>(descriptor) : Handover::no_filter,
                            std::memory_order_release);
  if (error != 0) return {"install the seccomp filter", error};
  while (handover.answer.load(std::memory_order_acquire) == Handover::waiting) {
    wait_a_little(listener.may_yield);
  }
  if (handover.error == 0) return {};
  return {"send the descriptor to the seccomp listener", handover.error};
}

}  // namespace gantry::runtime
