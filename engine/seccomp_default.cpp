#include "engine/seccomp_default.h"

#include "base/text.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <sched.h>
#include <string_view>
#include <sys/personality.h>
#include <sys/socket.h>

namespace gantry::engine {

namespace {

// By what the calls are about, in the sections of the man pages.
constexpr std::string_view allowed[] = {
    // processes
    "alarm arch_prctl brk capget capset execve execveat exit exit_group fork futex futex_requeue "
    "futex_time64 futex_wait futex_waitv futex_wake get_robust_list get_thread_area getcpu getpgid getpgrp "
    "getpid getppid getpriority getrandom getrlimit getrusage getsid gettid kill membarrier modify_ldt "
    "nanosleep pause pidfd_open pidfd_send_signal prctl prlimit64 process_mrelease "
    "process_vm_readv process_vm_writev restart_syscall rseq sched_get_priority_max "
    "sched_get_priority_min sched_getaffinity sched_getattr sched_getparam sched_getscheduler "
    "sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity sched_setattr sched_setparam "
    "sched_setscheduler sched_yield seccomp set_robust_list set_thread_area set_tid_address setitimer "
    "getitimer setpgid setpriority setrlimit setsid tgkill times tkill ugetrlimit umask uname vfork wait4 "
    "waitid waitpid ptrace sysinfo time",
    // users
    "getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getresgid getresgid32 "
    "getresuid getresuid32 getuid getuid32 setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups "
    "setgroups32 setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setuid "
    "setuid32",
    // signals and timers
    "rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait "
    "rt_sigtimedwait_time64 rt_tgsigqueueinfo sigaltstack signal signalfd signalfd4 sigprocmask sigreturn "
    "clock_adjtime clock_adjtime64 adjtimex clock_getres clock_getres_time64 clock_gettime clock_gettime64 "
    "clock_nanosleep clock_nanosleep_time64 gettimeofday timer_create timer_delete timer_getoverrun "
    "timer_gettime timer_gettime64 timer_settime timer_settime64 timerfd_create timerfd_gettime "
    "timerfd_gettime64 timerfd_settime timerfd_settime64",
    // files
    "access cachestat chdir chmod chown chown32 close close_range copy_file_range creat dup dup2 dup3 "
    "faccessat faccessat2 fadvise64 fadvise64_64 fallocate fchdir fchmod fchmodat fchmodat2 fchown fchown32 "
    "fchownat fcntl fcntl64 fdatasync fgetxattr flistxattr flock fremovexattr fsetxattr fstat fstat64 "
    "fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futimesat getcwd getdents getdents64 getxattr "
    "getxattrat ioctl lchown lchown32 lgetxattr link linkat listxattr listxattrat llistxattr _llseek "
    "lremovexattr lseek lsetxattr lstat lstat64 mkdir mkdirat mknod mknodat name_to_handle_at newfstatat "
    "open openat openat2 pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readahead readlink "
    "readlinkat readv removexattr removexattrat rename renameat renameat2 rmdir sendfile sendfile64 "
    "setxattr setxattrat splice stat stat64 statfs statfs64 statx symlink symlinkat sync "
    "sync_file_range syncfs tee truncate truncate64 unlink unlinkat utime utimensat utimensat_time64 utimes "
    "vmsplice write writev landlock_add_rule landlock_create_ruleset landlock_restrict_self",
    // waiting and events
    "epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old "
    "eventfd eventfd2 inotify_add_watch inotify_init inotify_init1 inotify_rm_watch io_cancel io_destroy "
    "io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit _newselect poll ppoll ppoll_time64 "
    "pselect6 pselect6_time64 select pipe pipe2",
    // memory
    "madvise map_shadow_stack memfd_create memfd_secret mincore mlock mlock2 mlockall mmap "
    "mmap2 mprotect mremap mseal msync munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect "
    "remap_file_pages",
    // sockets
    "accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom recvmmsg "
    "recvmmsg_time64 recvmsg send sendmmsg sendmsg sendto setsockopt shutdown socketcall socketpair",
    // System V and POSIX IPC
    "ipc mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend "
    "mq_timedsend_time64 mq_unlink msgctl msgget msgrcv msgsnd semctl semget semop semtimedop "
    "semtimedop_time64 shmat shmctl shmdt shmget",
    // scheduling of I/O
    "ioprio_get ioprio_set",
};

struct CapabilityCalls {
  std::string_view capability;
  std::string_view calls;
};

constexpr CapabilityCalls for_capability[] = {
    {"CAP_DAC_READ_SEARCH", "open_by_handle_at"},
    {"CAP_SYS_ADMIN",
     "bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie mount mount_setattr "
     "move_mount open_tree perf_event_open quotactl quotactl_fd setdomainname sethostname setns syslog "
     "umount "
     "umount2 unshare"},
    {"CAP_SYS_BOOT", "reboot"},
    {"CAP_SYS_CHROOT", "chroot"},
    {"CAP_SYS_MODULE", "delete_module finit_module init_module"},
    {"CAP_SYS_PACCT", "acct"},
    {"CAP_SYS_PTRACE", "kcmp pidfd_getfd process_madvise"},
    {"CAP_SYS_RAWIO", "ioperm iopl"},
    {"CAP_SYS_TIME", "clock_settime clock_settime64 settimeofday stime"},
    {"CAP_SYS_TTY_CONFIG", "vhangup"},
    {"CAP_SYS_NICE", "get_mempolicy mbind set_mempolicy set_mempolicy_home_node"},
    {"CAP_SYSLOG", "syslog"},
    {"CAP_BPF", "bpf"},
    {"CAP_PERFMON", "perf_event_open"},
};

// Making namespaces is what lets a program without rights reach most of the kernel's rarely used parts.
constexpr uint64_t namespace_flags =
    CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWCGROUP;

void add_words(oci::SeccompRule& rule, std::string_view words) {
  for (const auto& word : split(words, ' ')) {
    if (!word.empty()) rule.names.push_back(word);
  }
}

oci::SeccompRule allow_when(std::string_view call, uint32_t argument, oci::SeccompOperator op, uint64_t value,
                            uint64_t value_two = 0) {
  return {{std::string(call)}, oci::SeccompAction::allow, {}, {{argument, value, value_two, op}}};
}

void add_filtered_calls(oci::SeccompProfile& profile) {
  // vsock reaches the hypervisor and other machines past every network namespace.
  profile.syscalls.push_back(allow_when("socket", 0, oci::SeccompOperator::not_equal, AF_VSOCK));
  for (const uint64_t persona : {uint64_t{PER_LINUX}, uint64_t{PER_LINUX32}, uint64_t{UNAME26},
                                 uint64_t{PER_LINUX32} | UNAME26, uint64_t{0xffffffff}}) {
    profile.syscalls.push_back(allow_when("personality", 0, oci::SeccompOperator::equal, persona));
  }
}

void add_clone(oci::SeccompProfile& profile) {
  profile.syscalls.push_back(allow_when("clone", 0, oci::SeccompOperator::masked_equal, namespace_flags, 0));
  profile.syscalls.push_back({{"clone3"}, oci::SeccompAction::error, ENOSYS, {}});
}

}  // namespace

oci::SeccompProfile default_seccomp_profile(const std::vector<std::string>& capabilities) {
  oci::SeccompProfile profile;
  profile.default_action = oci::SeccompAction::error;
  profile.default_errno_return = EPERM;
#if defined(__x86_64__)
  profile.architectures = {"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"};
#elif defined(__aarch64__)
  profile.architectures = {"SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"};
#endif
  oci::SeccompRule always;
  for (const auto words : allowed) add_words(always, words);
  const auto has = [&](std::string_view capability) {
    return std::find(capabilities.begin(), capabilities.end(), capability) != capabilities.end();
  };
  for (const auto& entry : for_capability) {
    if (has(entry.capability)) add_words(always, entry.calls);
  }
  std::sort(always.names.begin(), always.names.end());
  always.names.erase(std::unique(always.names.begin(), always.names.end()), always.names.end());
  profile.syscalls.push_back(std::move(always));
  add_filtered_calls(profile);
  if (!has("CAP_SYS_ADMIN")) add_clone(profile);
  return profile;
}

}  // namespace gantry::engine
