#pragma once

#include "base/fd.h"
#include "base/result.h"

#include <functional>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

// A monitor has a guard: its parent, a process that does nothing but wait. When the monitor is killed, its
// children, and so the container, become the guard's (which is a subreaper too), and the guard runs a new
// monitor. That one takes over what the old one had left in the stash: the descriptors of the container's
// output and of the sockets, which the kernel keeps while they are on their way in a message that nobody has
// received yet.
namespace gantry::runtime {

// A process that the guard reaped: a child of a monitor that was killed.
struct OrphanEnd {
  pid_t pid = 0;
  int status = 0;  // as waitpid(2) gives it
};

// The socket pair between guard and monitor. Each process holds both ends, so that what is on its way
// survives either of them.
class GuardLink {
 public:
  struct Stashed {
    std::string program;  // the monitor's, which is to be run anew
    UniqueFd text;        // a memory file: what Handover says
    std::vector<UniqueFd> descriptors;
  };

  static Result<GuardLink> make();
  // The descriptors of an earlier program of this process, or of its parent: "N,M".
  static Result<GuardLink> inherit(const std::string& numbers);

  // Replaces what is in the stash. At most 250 descriptors. There is no instant without a whole one.
  Result<void> stash(const std::string& program, const std::string& text,
                     const std::vector<BorrowedFd>& descriptors);
  // A copy of it. Errors: not_found when there is none.
  Result<Stashed> look() const;

  // For the guard. Errors: unavailable when the monitor hasn't taken hundreds of the earlier ones.
  Result<void> tell(const OrphanEnd& end) const;
  // For the monitor: one that was told, if there is one.
  std::optional<OrphanEnd> next() const;
  BorrowedFd told() const { return monitor_end_; }  // readable: next() has something

  // Survives the next execve, as what inherit() takes.
  Result<std::string> keep_over_exec() const;
  void close_on_exec() const;
  bool is_open() const { return bool(monitor_end_); }
  void close();

 private:
  GuardLink(UniqueFd monitor_end, UniqueFd guard_end)
      : monitor_end_(std::move(monitor_end)), guard_end_(std::move(guard_end)) {}
  void drop_all_but_the_last() const;

  UniqueFd monitor_end_;  // the stash goes out here, and orphans' ends come in
  UniqueFd guard_end_;
};

// What the guard is for, in the process that has become the monitor's parent. Returns the exit status of a
// monitor that ended by itself; one that was killed, or that couldn't go on with what it found, is followed
// by another, at most one a second, which gets `--dir DIR --resume N,M`. waitid(2), prctl(2)
// PR_SET_CHILD_SUBREAPER.
int guard_monitor(GuardLink link, const std::string& directory, pid_t monitor);

// The exit status of a process that isn't our child and has been reaped by another, for who had this pidfd
// before: PIDFD_GET_INFO with PIDFD_INFO_EXIT, Linux 6.15. Errors: unsupported; not_found when nobody has
// reaped it yet.
Result<int> exit_status_by_pidfd(BorrowedFd pidfd);

}  // namespace gantry::runtime
