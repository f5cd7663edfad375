#pragma once

#include "base/fd.h"
#include "base/result.h"
#include "oci/runtime_config.h"
#include "runtime/process.h"

#include <optional>
#include <sys/types.h>

// What a caller without root's rights needs first: a user namespace, in which this process has all
// capabilities while its files and its messages stay the user's own. From there on a container is made as by
// root.
namespace gantry::runtime {

// Whether this process runs as an ordinary user: the effective user isn't 0. No system call.
bool is_ordinary_user();

// Makes the configuration's user namespace with its id maps, or joins the one at its path, and a mount
// namespace of its own. Maps of more than the caller's own id are written by newuidmap(1) and newgidmap(1),
// from where the caller was. Errors: unsupported when the configuration has no user namespace; not_found when
// the helpers are missing; what they say.
Result<void> enter_user_namespace(const oci::Linux& config);

// Joins the user namespace of the process, unless it is ours already; then false.
Result<bool> enter_user_namespace_of(const UniqueFd& pidfd, pid_t pid);

bool has_user_namespace(const oci::Linux& config);

// Whether setgroups(2) is denied in it: the gid map is the caller's own group alone, which needs no helper.
bool denies_groups(const oci::Linux& config);

// While it lives, this process and the children that it makes have an oom_score_adj that a container's
// process is to have. proc_pid_oom_score_adj(5).
class BorrowedOomScore {
 public:
  static Result<BorrowedOomScore> set(std::optional<int> score);
  BorrowedOomScore(BorrowedOomScore&& other) noexcept;
  BorrowedOomScore& operator=(BorrowedOomScore&&) = delete;
  BorrowedOomScore(const BorrowedOomScore&) = delete;
  BorrowedOomScore& operator=(const BorrowedOomScore&) = delete;
  ~BorrowedOomScore();

 private:
  BorrowedOomScore() = default;
  std::string before_;  // empty: nothing to put back
};

// For a user's container, that of `plan`, which is taken from it: only root may write it from outside, so
// that its process is born with it. Lower than ours isn't allowed to a user: then ours stays, with a warning.
Result<BorrowedOomScore> lend_oom_score(ProcessPlan& plan, bool user_entered);

}  // namespace gantry::runtime
