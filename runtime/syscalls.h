#pragma once

#include "base/root_path.h"

#include <cstdint>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

// Kernel calls that glibc 2.36 has no wrapper for. All keep errno's convention.

namespace gantry::runtime {

// By hand: glibc 2.36 declares the wrappers of pidfds for C only.
inline UniqueFd open_pidfd(pid_t pid) {
  return UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

inline int send_signal(BorrowedFd pidfd, int number) {
  return static_cast<int>(::syscall(SYS_pidfd_send_signal, pidfd.get(), number, nullptr, 0));
}

// execve(2) closes all descriptors from `first` on. close_range(2): CLOSE_RANGE_CLOEXEC came with Linux 5.11.
inline int close_on_exec_from(unsigned first) {
  return ::close_range(first, ~0U, CLOSE_RANGE_CLOEXEC);
}

inline int pivot_root(const char* new_root, const char* put_old) {
  return static_cast<int>(::syscall(SYS_pivot_root, new_root, put_old));
}

// The mount at `fd` gets `set`, loses `clear`; `propagation` is MS_SHARED and the like, or 0.
// mount_setattr(2).
inline int set_mount_attributes(BorrowedFd fd, uint64_t set, uint64_t clear, uint64_t propagation,
                                bool recursive) {
  mount_attr attributes{};
  attributes.attr_set = set;
  attributes.attr_clr = clear;
  attributes.propagation = propagation;
  return ::mount_setattr(fd.get(), "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attributes,
                         sizeof attributes);
}

// A detached copy of the mount (with all below it when `recursive`) that `path` is on. open_tree(2).
inline UniqueFd clone_tree(BorrowedFd folder, const char* path, bool recursive) {
  return UniqueFd(
      ::open_tree(folder.get(), path,
                  OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0)));
}

// clone_tree and set_mount_attributes in one call, both recursive or neither. open_tree_attr(2), Linux 6.15.
// Empty where that isn't had, and for any other error: the two calls say which one fails.
inline UniqueFd clone_tree_with(BorrowedFd folder, const char* path, bool recursive, uint64_t set,
                                uint64_t clear, uint64_t propagation) {
  constexpr long open_tree_attr = 467;
  mount_attr attributes{};
  attributes.attr_set = set;
  attributes.attr_clr = clear;
  attributes.propagation = propagation;
  const int flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);
  return UniqueFd(
      static_cast<int>(::syscall(open_tree_attr, folder.get(), path, flags, &attributes, sizeof attributes)));
}

// Attaches the detached `tree` on top of what `target` names. move_mount(2).
inline int attach_tree(BorrowedFd tree, BorrowedFd target) {
  return ::move_mount(tree.get(), "", target.get(), "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

// The same at a path of the host's, whose last component is no symbolic link.
inline int attach_tree_at(BorrowedFd tree, const char* path) {
  return ::move_mount(tree.get(), "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH);
}

}  // namespace gantry::runtime
