#include "runtime/init.h"

#include "runtime/channel.h"
#include "runtime/root_path.h"
#include "runtime/syscalls.h"
#include "runtime/terminal.h"

#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

namespace gantry::runtime {

Failure enter_namespaces(InitPlan& plan) {
  NamespacePlan& spaces = plan.namespaces;
  const bool joins_user = spaces.joins_user();
  STEP(join_user_namespace(spaces));
  if (spaces.creates(CLONE_NEWUSER) || spaces.user_entered) STEP(become_namespace_root());
  STEP(join_rest(spaces));
  if (joins_user) {
    // New namespaces must belong to the user namespace, so they are made from inside.
    const auto flags = static_cast<int>(spaces.created & ~uint64_t{CLONE_NEWCGROUP});
    if (::unshare(flags) != 0) return {"make namespaces inside the user namespace", errno};
    STEP(spawn_again(plan.channel));
  }
  // Only here, where we sit in the final cgroup, is its root the right one.
  if (spaces.creates(CLONE_NEWCGROUP) && ::unshare(CLONE_NEWCGROUP) != 0) {
    return {"make a cgroup namespace", errno};
  }
  if (spaces.creates(CLONE_NEWNET)) STEP(bring_loopback_up());
  if (::setsid() < 0) return {"make a session", errno};
  return {};
}

Failure set_names(const InitPlan& plan) {
  if (!plan.hostname.empty() && ::sethostname(plan.hostname.data(), plan.hostname.size()) != 0) {
    return {"set hostname %s", errno, plan.hostname.c_str()};
  }
  if (!plan.domainname.empty() && ::setdomainname(plan.domainname.data(), plan.domainname.size()) != 0) {
    return {"set domainname %s", errno, plan.domainname.c_str()};
  }
  return {};
}

UniqueFd wait_for_start(InitPlan& plan) {
  if (!wait_for_answer(plan.channel)) ::_exit(1);
  if (!plan.start_socket) return std::move(plan.channel);
  plan.channel.reset();
  for (;;) {
    UniqueFd connection(::accept4(plan.start_socket.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!connection && errno == EINTR) continue;
    if (!connection) ::_exit(1);
    send_packet(connection, Message::ready);
    if (!wait_for_answer(connection)) ::_exit(1);
    return connection;
  }
}

Result<Spawned> spawn(uint64_t flags, const UniqueFd* cgroup) {
  Spawned child;
  int pidfd = -1;
  clone_args arguments{};
  arguments.flags = flags | CLONE_PIDFD;
  arguments.pidfd = reinterpret_cast<uint64_t>(&pidfd);
  arguments.exit_signal = SIGCHLD;
  child.in_cgroup = cgroup != nullptr;
  if (child.in_cgroup) {
    arguments.flags |= CLONE_INTO_CGROUP;
    arguments.cgroup = static_cast<uint64_t>(cgroup->get());
  }
  long pid = ::syscall(SYS_clone3, &arguments, sizeof arguments);
  if (pid < 0 && child.in_cgroup && errno != EINVAL && errno != ENOSPC && errno != EUSERS) {
    // Some delegations refuse it; then cgroup.procs may still be written.
    arguments.flags &= ~uint64_t{CLONE_INTO_CGROUP};
    arguments.cgroup = 0;
    child.in_cgroup = false;
    pid = ::syscall(SYS_clone3, &arguments, sizeof arguments);
  }
  if (pid < 0) return Error::system(errno, "make the container's namespaces");
  child.pid = static_cast<pid_t>(pid);
  child.pidfd = UniqueFd(pidfd);
  return child;
}

Failure spawn_again(BorrowedFd channel) {
  clone_args arguments{};
  arguments.flags = CLONE_PARENT;
  const long pid = ::syscall(SYS_clone3, &arguments, sizeof arguments);
  if (pid < 0) return {"clone inside the user namespace", errno};
  if (pid == 0) return {};
  send_packet(channel, Message::pid, static_cast<int>(pid));
  ::_exit(0);
}

}  // namespace gantry::runtime
