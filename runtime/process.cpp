#include "runtime/process.h"

#include "oci/capability.h"
#include "runtime/home.h"
#include "runtime/procfs.h"
#include "runtime/root_path.h"
#include "runtime/syscalls.h"

#include <algorithm>
#include <climits>
#include <cstring>
#include <grp.h>
#include <linux/capability.h>
#include <linux/ioprio.h>
#include <linux/keyctl.h>
#include <signal.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace gantry::runtime {
namespace {

// A session keyring's permissions as the kernel makes them, and the user may search it.
constexpr unsigned long keyring_permissions = 0x3f130000 | 0x00080000;

Failure join_keyring(const ProcessPlan& plan) {
  if (plan.keyring.empty()) return {};
  const long key = ::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, plan.keyring.c_str());
  if (key < 0 && errno == ENOSYS) return {};
  if (key < 0) return {"join session keyring %s", errno, plan.keyring.c_str()};
  if (::syscall(SYS_keyctl, KEYCTL_SETPERM, key, keyring_permissions) != 0) {
    return {"set the permissions of session keyring %s", errno, plan.keyring.c_str()};
  }
  return {};
}

// "No such place" from getcwd(2): a folder outside the root, reached by a descriptor that leaked.
Failure check_cwd(const ProcessPlan& plan) {
  char path[PATH_MAX];
  const long length = ::syscall(SYS_getcwd, path, sizeof path);
  if (length > 0 && path[0] == '/') return {};
  return {"current working directory %s is outside of the container's root", length < 0 ? errno : 0,
          plan.cwd.c_str()};
}

Failure enter_cwd(const ProcessPlan& plan, BorrowedFd root, bool& later) {
  if (plan.cwd == "/") return {};  // where it is already
  const char* path = plan.cwd.c_str();
  const UniqueFd folder =
      plan.make_cwd ? make_folder_in_root(root, path) : open_in_root(root, path, O_PATH | O_DIRECTORY);
  later = !folder && (errno == EACCES || errno == EPERM || errno == EROFS);
  if (later) return {};
  if (!folder || ::fchdir(folder.get()) != 0) {
    later = folder && (errno == EACCES || errno == EPERM);
    return later ? Failure{} : Failure{"chdir to cwd %s", errno, plan.cwd.c_str()};
  }
  return check_cwd(plan);
}

// The folder may be one that only the program's own user may enter.
Failure enter_cwd_as_user(const ProcessPlan& plan, BorrowedFd root) {
  const UniqueFd folder = open_in_root(root, plan.cwd.c_str(), O_PATH | O_DIRECTORY);
  if (!folder || ::fchdir(folder.get()) != 0) return {"chdir to cwd %s", errno, plan.cwd.c_str()};
  return check_cwd(plan);
}

// The program's user must be able to reopen its stdio (/dev/stdout). The null device stays as it is.
Failure give_stdio_away(const ProcessPlan& plan) {
  for (int fd = 0; fd < 3; ++fd) {
    struct stat info {};
    if (::fstat(fd, &info) != 0) continue;
    const bool null_device = S_ISCHR(info.st_mode) && info.st_rdev == makedev(1, 3);
    const bool same_group = S_ISCHR(info.st_mode) || info.st_gid == plan.gid;
    if (null_device || (info.st_uid == plan.uid && same_group)) continue;
    // A terminal keeps its group, by which others may write to it (tty).
    const int error = ::fchown(fd, plan.uid, same_group ? static_cast<gid_t>(-1) : plan.gid) == 0 ? 0 : errno;
    if (error != 0 && error != EINVAL && error != EPERM && error != EROFS) {
      return {"change the owner of stdio", error};
    }
  }
  return {};
}

Failure set_limits(const ProcessPlan& plan, bool raising) {
  for (const auto& entry : plan.rlimits) {
    if (raising && !entry.raises_hard) continue;
    if (::setrlimit(static_cast<__rlimit_resource_t>(entry.resource), &entry.limit) != 0) {
      return {"set %s", errno, entry.name};
    }
  }
  return {};
}

Failure change_user(const ProcessPlan& plan) {
  if (!plan.keeps_ids && ::prctl(PR_SET_KEEPCAPS, plan.capabilities.given ? 1 : 0, 0, 0, 0) != 0)
    return {"keep capabilities", errno};
  if (!plan.keeps_groups && ::setgroups(plan.groups.size(), plan.groups.data()) != 0) {
    // Where setgroups is denied (an unprivileged user namespace), having none to set is fine.
    if (errno != EPERM || !plan.groups.empty()) return {"set additional groups", errno};
  }
  if (plan.keeps_ids) return {};
  if (::setresgid(plan.gid, plan.gid, plan.gid) != 0) return {"set the group id", errno};
  if (::setresuid(plan.uid, plan.uid, plan.uid) != 0) return {"set the user id", errno};
  // The change of user made the process dumpable by sysctl's choice; its descriptors are nobody's to look at.
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return {"make the process undumpable", errno};
  return {};
}

Failure find_program(const ProcessPlan& plan) {
  const char* name = plan.argv[0];
  const bool by_path = std::strchr(name, '/') != nullptr;
  for (const auto& candidate : plan.candidates) {
    struct stat info {};
    const char* path = candidate.c_str();
    if (::stat(path, &info) != 0) {
      if (!by_path) continue;
      if (errno == ENOENT) return {"exec: \"%s\": stat %s: no such file or directory", 0, name};
      return {"exec: \"%s\": stat %s", errno, name};
    }
    const bool runnable = !S_ISDIR(info.st_mode) && ::faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0;
    if (runnable) return {};
    if (by_path && S_ISDIR(info.st_mode)) return {"exec: \"%s\": is a directory", 0, name};
    if (by_path) return {"exec: \"%s\": permission denied", 0, name};
  }
  return {"exec: \"%s\": executable file not found in $PATH", 0, name};
}

Failure schedule_itself(const ProcessPlan& plan) {
  if (plan.scheduler && ::syscall(SYS_sched_setattr, 0, &*plan.scheduler, 0) != 0) {
    return {"process.scheduler: sched_setattr", errno};
  }
  if (plan.io_priority && ::syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, *plan.io_priority) != 0) {
    return {"set the I/O priority", errno};
  }
  return {};
}

// With the rights of this process, which those of a user namespace don't include.
Result<void> schedule(const ProcessPlan& plan, pid_t pid) {
  if (plan.scheduler) TRY(set_scheduler(*plan.scheduler, pid));
  if (plan.io_priority && ::syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, pid, *plan.io_priority) != 0) {
    return Error::system(errno, "set the I/O priority");
  }
  return {};
}

Failure close_descriptors_at_exec(const ProcessPlan& plan) {
  if (close_on_exec_from(3 + plan.preserved) != 0) return {"close descriptors", errno};
  return {};
}

uint64_t kept_capabilities(const ProcessPlan& plan) {
  const bool filter_later = !plan.seccomp.program.empty() && !plan.no_new_privileges;
  return filter_later ? oci::capability_bit(CAP_SYS_ADMIN) : 0;
}

}  // namespace

// execve(2) keeps what is ignored, and nothing of ours handles signals: so only what was ignored at our own
// start isn't the default.
Failure reset_signals(const ProcessPlan& plan) {
  sigset_t none;
  sigemptyset(&none);
  if (::sigprocmask(SIG_SETMASK, &none, nullptr) != 0) return {"reset the signal mask", errno};
  // By hand, since glibc keeps 32 and 33 for itself. All zero, the kernel's structure is SIG_DFL.
  // sigaction(2)
  constexpr unsigned long by_default[4] = {};
  for (int number = 1; number <= 64; ++number) {
    if ((plan.ignored_signals >> (number - 1) & 1) == 0) continue;
    if (::syscall(SYS_rt_sigaction, number, by_default, nullptr, sizeof(uint64_t)) != 0) {
      return {"reset a signal to its default", errno};
    }
  }
  return {};
}

Failure make_cwd(const ProcessPlan& plan, BorrowedFd root) {
  if (!plan.make_cwd || plan.cwd == "/") return {};
  const UniqueFd folder = make_folder_in_root(root, plan.cwd.c_str());
  // Others than a missing folder are told when it is entered.
  if (!folder && errno != EACCES && errno != EPERM && errno != EROFS)
    return {"make cwd %s", errno, plan.cwd.c_str()};
  return {};
}

Failure prepare_process(ProcessPlan& plan, BorrowedFd root, BorrowedFd procfs) {
  if (plan.personality && ::personality(*plan.personality) < 0) return {"set the personality", errno};
  if (plan.schedules_itself) STEP(schedule_itself(plan));
  if (plan.memory_policy) STEP(set_memory_policy(*plan.memory_policy));
  if (!plan.keyring.empty()) STEP(set_key_label(plan.labels, procfs));
  STEP(join_keyring(plan));
  bool cwd_later = false;
  STEP(enter_cwd(plan, root, cwd_later));
  ::umask(plan.umask);
  STEP(give_stdio_away(plan));
  STEP(set_exec_labels(plan.labels, procfs));
  STEP(complete_listener_message(plan.listener, procfs));
  STEP(set_limits(plan, true));
  if (plan.no_new_privileges && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    return {"set no_new_privs", errno};
  }
  if (!plan.capabilities.given && !plan.no_new_privileges) {
    // Nothing is kept across the change of user, so the filter can't wait.
    STEP(close_descriptors_at_exec(plan));
    STEP(install_seccomp_with_listener(plan.seccomp, plan.listener));
    plan.seccomp.program.clear();
    plan.filtered = true;
  }
  STEP(drop_bounding(plan.capabilities));
  STEP(change_user(plan));
  STEP(set_capabilities(plan.capabilities, kept_capabilities(plan)));
  STEP(raise_ambient(plan.capabilities));
  if (cwd_later) STEP(enter_cwd_as_user(plan, root));
  if (plan.find_home) plan.envp[plan.envp.size() - 2] = find_home(root, plan.uid);
  return find_program(plan);
}

Failure finish_process(const ProcessPlan& plan) {
  STEP(set_limits(plan, false));
  // Profiles older than close_range(2) refuse it, so before the filter. What is opened from here on is
  // O_CLOEXEC.
  if (!plan.filtered) STEP(close_descriptors_at_exec(plan));
  if (!plan.seccomp.program.empty()) STEP(install_seccomp_with_listener(plan.seccomp, plan.listener));
  if (kept_capabilities(plan) != 0) STEP(set_capabilities(plan.capabilities, 0));
  int error = ENOENT;
  for (const auto& candidate : plan.candidates) {
    ::execve(candidate.c_str(), plan.argv.data(), plan.envp.data());
    if (errno != ENOENT && errno != ENOTDIR && errno != EACCES) {
      error = errno;
      break;
    }
    if (error != EACCES) error = errno;
  }
  return {"exec %s", error, plan.argv[0]};
}

Result<void> apply_from_outside(const ProcessPlan& plan, pid_t pid, bool user_namespace, BorrowedFd procfs) {
  if (user_namespace) {
    for (const auto& entry : plan.rlimits) {
      if (!entry.raises_hard) continue;
      if (::prlimit(pid, static_cast<__rlimit_resource>(entry.resource), &entry.limit, nullptr) != 0) {
        return Error::system(errno, "raise {}", entry.name);
      }
    }
  }
  if (!plan.schedules_itself) TRY(schedule(plan, pid));
  if (!plan.oom_score_adj) return {};
  return write_process_file(procfs, pid, "oom_score_adj", std::to_string(*plan.oom_score_adj))
      .context("set oomScoreAdj to {}", *plan.oom_score_adj);
}

}  // namespace gantry::runtime
