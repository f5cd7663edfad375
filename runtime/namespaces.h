#pragma once

#include "base/fd.h"
#include "oci/runtime_config.h"
#include "runtime/failure.h"

#include <cstdint>
#include <vector>

namespace gantry::runtime {

// A namespace that is joined instead of made.
struct Join {
  int flag = 0;  // CLONE_NEWNET and the like
  UniqueFd fd;
  bool joined_by_parent = false;
};

// What linux.namespaces asks for, with everything opened.
struct NamespacePlan {
  uint64_t created = 0;  // CLONE_NEW* of the new ones
  std::vector<Join> joins;
  std::string time_offsets;   // lines for /proc/self/timens_offsets
  bool user_entered = false;  // this process is in the container's user namespace already

  bool creates(uint64_t flag) const { return (created & flag) != 0; }
  Join* find_join(int flag);
  bool has(uint64_t flag) { return creates(flag) || find_join(static_cast<int>(flag)) != nullptr; }
  bool has_user() { return user_entered || has(0x10000000); }
  bool joins_user() { return find_join(0x10000000) != nullptr; }  // CLONE_NEWUSER
};

// Opens the paths and checks that each is of its type. setns(2), NS_GET_NSTYPE. `user_entered`: by
// enter_user_namespace, so that nothing is left to do for that one.
Result<NamespacePlan> plan_namespaces(const oci::Linux& config, bool user_entered);

int namespace_flag(oci::NamespaceType type);
bool has_mount_namespace(const oci::Linux& config);  // new or joined

// While it lives, new children of this process are born into the joined namespaces and the time namespace
// with its offsets; afterwards this process is back in its own. What the caller may not join (EPERM: it
// belongs to a user namespace that the child must join first) is left to the child.
class ForChildren {
 public:
  static Result<ForChildren> enter(NamespacePlan& plan, BorrowedFd procfs);
  ForChildren(ForChildren&&) noexcept = default;
  ForChildren& operator=(ForChildren&&) = delete;
  ForChildren(const ForChildren&) = delete;
  ForChildren& operator=(const ForChildren&) = delete;
  ~ForChildren();

 private:
  ForChildren() = default;
  std::vector<Join> own_;
};

// In the child: joins what the parent could not, the user namespace first and the mount namespace last, and
// becomes root of a joined or new user namespace.
Failure join_user_namespace(NamespacePlan& plan);
Failure join_rest(NamespacePlan& plan);
Failure become_namespace_root();
// Brings the loopback interface of a new network namespace up. netdevice(7).
Failure bring_loopback_up();

// Writes setgroups, gid_map and uid_map of `pid`; newuidmap(1) and newgidmap(1) where this process may not.
Result<void> write_id_maps(BorrowedFd procfs, pid_t pid, const std::vector<oci::IdMapping>& uids,
                           const std::vector<oci::IdMapping>& gids);

}  // namespace gantry::runtime
