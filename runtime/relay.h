#pragma once

#include "base/fd.h"

#include <csignal>

namespace gantry::runtime {

class NotifyRelay;

// Blocks all signals that a foreground command passes on and takes them from a descriptor instead. Made
// before the container's process, which starts with an empty mask again. signalfd(2).
class SignalRelay {
 public:
  static Result<SignalRelay> make();
  const UniqueFd& fd() const { return fd_; }

 private:
  explicit SignalRelay(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

// Until the child behind `pidfd` ends: passes signals to it, and, when `terminal` (a pty's master) is there,
// bytes both ways and window sizes; our own terminal, if stdin is one, is in raw mode meanwhile. What
// background processes still hold of the terminal isn't waited for. Returns the exit status, or 128 + n when
// signal n ended it. `notifications`, or null: what the program says by sd_notify(3) goes on with us as the
// main process.
Result<int> follow_process(const UniqueFd& pidfd, const UniqueFd& terminal, const SignalRelay& signals,
                           const NotifyRelay* notifications = nullptr);

}  // namespace gantry::runtime
