#pragma once

#include "runtime/mounts.h"
#include "runtime/store.h"

#include <optional>

namespace gantry::runtime {

// What a container's program says by sd_notify(3) to whoever started us with $NOTIFY_SOCKET: the folder
// ROOT/ID/notify is bound at /run/notify, with a socket in it that `start` and `run` listen on. Only READY=1
// is passed on, with our own word on which the main process is: nothing else of a container concerns the
// service manager.

// $NOTIFY_SOCKET is set.
bool wants_notifications();

// The container's variable, for its environment.
extern const char* const notify_variable;

// Makes the folder, and the mount of it.
Result<MountPlan> plan_notify_mount(const ContainerFolder& folder, const MountContext& context);

class NotifyRelay {
 public:
  // Listens, before the program runs. Absent: $NOTIFY_SOCKET isn't set, or wasn't when the container was
  // created.
  static Result<std::optional<NotifyRelay>> listen(const ContainerFolder& folder);

  const UniqueFd& fd() const { return socket_; }
  // Takes one message. True when it said READY=1, which was passed on with MAINPID=`main_pid`. Descriptors
  // that came with it, as of sd_notify_barrier(3), are closed.
  Result<bool> pass_on(pid_t main_pid) const;
  // Until READY=1 was passed on and the receiver has read it (for at most 30 s), or the process has ended.
  Result<void> await_ready(const UniqueFd& pidfd, pid_t main_pid) const;

 private:
  explicit NotifyRelay(UniqueFd socket) : socket_(std::move(socket)) {}
  UniqueFd socket_;
};

}  // namespace gantry::runtime
