#pragma once

#include "base/fd.h"
#include "base/result.h"
#include "runtime/monitor_guard.h"
#include "runtime/monitor_loop.h"

#include <functional>
#include <map>
#include <string>
#include <sys/types.h>
#include <vector>

namespace gantry::runtime {

// The processes that the monitor waits for: its own children, and the container's, which become its own when
// the runtime that made them ends (PR_SET_CHILD_SUBREAPER). Those of a monitor that was killed are the
// guard's, which tells their end.
class Children {
 public:
  // Exit status, or 128 + n when signal n ended it.
  using Done = std::function<void(int status)>;

  // Blocks all signals that the monitor answers and takes SIGCHLD through `loop`.
  static Result<Children> make(EventLoop& loop);
  Result<void> start();  // once the object has its final place

  // Runs a program with these as its 0, 1, 2. Nothing else is inherited, and oom_score_adj is what it was
  // before the monitor lowered its own.
  Result<pid_t> spawn(const std::vector<std::string>& arguments, BorrowedFd input, BorrowedFd output,
                      BorrowedFd errors, Done done);
  // Waits for a process that is, or is about to be, reparented to us or to the guard; it may have ended
  // already. `done` is called before the process is reaped: what it writes down isn't lost when the monitor
  // is killed meanwhile, since then the guard reaps it.
  void adopt(pid_t pid, Done done);
  // Whoever asked is gone; the process is reaped without a word.
  void disown(pid_t pid) { waiting_.erase(pid); }

  // Sets oom_score_adj, where that is allowed.
  void protect_from_oom();
  void unprotect_from_oom() const;
  const std::string& oom_score() const { return oom_score_; }
  // Of the monitor before this one, which had lowered its own from it.
  void resume_oom_score(std::string score);
  // Ends that the guard tells.
  Result<void> listen_to(const GuardLink& link);
  void read_link();
  bool waits_for(pid_t pid) const { return waiting_.contains(pid); }
  // What ended before the monitor was replaced.
  void reap();
  // SIGTERM came (SIGINT and SIGHUP are ignored).
  void on_terminate(std::function<void()> handler) { terminate_ = std::move(handler); }

 private:
  Children(EventLoop& loop, UniqueFd signals) : loop_(&loop), signals_(std::move(signals)) {}
  void read_signals();
  bool reap_one();
  void deliver(pid_t pid, int status);
  [[noreturn]] void execute(const std::vector<std::string>& arguments, int input, int output,
                            int errors) const;

  EventLoop* loop_;
  const GuardLink* link_ = nullptr;
  UniqueFd signals_;
  std::map<pid_t, Done> waiting_;
  std::map<pid_t, int> unclaimed_;  // ended before anyone asked: a container may be faster than its pid file
  std::string oom_score_;           // to give back to children; empty: unchanged
  std::function<void()> terminate_;
};

}  // namespace gantry::runtime
