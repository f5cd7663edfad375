#pragma once

#include "base/fd.h"
#include "oci/seccomp_profile.h"
#include "oci/state.h"
#include "runtime/seccomp.h"

#include <string>
#include <string_view>
#include <vector>

// SCMP_ACT_NOTIFY: an agent outside answers system calls, through a descriptor that is made with the filter
// and sent to linux.seccomp.listenerPath. Source: runtime-spec config-linux.md "The Container Process State".

namespace gantry::runtime {

struct ListenerPlan {
  UniqueFd socket;                 // connected; empty: no listener
  std::string message;             // the JSON, with room for the pid
  std::vector<size_t> pid_places;  // where in `message` it goes
  bool may_yield = false;          // sched_yield(2) is allowed by the filter, without condition
};

// Connects to the listener of a profile that has one, while nothing is confined yet. Errors: invalid, which
// begin with `path`, the profile's place; what connect(2) says.
Result<ListenerPlan> plan_listener(const oci::SeccompProfile& profile, std::string_view path);

// What is sent, but for the pid of the process (and of `state`, when that is 0).
void set_listener_message(ListenerPlan& plan, const oci::SeccompProfile& profile, const oci::State& state);

// In the child: writes the pid, as the runtime sees it (`procfs` is of its pid namespace), into the message.
Failure complete_listener_message(ListenerPlan& plan, BorrowedFd procfs);

// In the child: install_seccomp, and the listener's descriptor goes out before this returns. Whatever the
// filter forbids or leaves to the agent, it can't stand in the way of that: another thread, which lives no
// longer than the sending, is free of it.
Failure install_seccomp_with_listener(const SeccompPlan& seccomp, const ListenerPlan& listener);

}  // namespace gantry::runtime
