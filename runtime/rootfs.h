#pragma once

#include "base/fd.h"
#include "oci/runtime_config.h"
#include "runtime/failure.h"
#include "runtime/mount_options.h"

#include <string>

namespace gantry::runtime {

struct RootPlan {
  std::string path;  // absolute, on the host
  UniqueFd tree;     // a detached copy of it; once attached, the container's root
  Propagation propagation;
  bool readonly = false;
  bool pivot = true;
  // Without a mount namespace the tree is attached in the caller's: /, its propagation and all that lies
  // outside of the tree are the host's, and nobody's to change.
  bool own_mounts = true;
};

// Opens the root folder and copies its mounts. Errors: "invalid rootfs: …".
Result<RootPlan> plan_root(const oci::RuntimeConfig& config, const std::string& bundle, bool pivot);

// In the child's new mount namespace: cuts propagation to the host and attaches the root at its own path,
// where hooks look for it. In the caller's mount namespace it only attaches, and cuts the tree's propagation.
Failure attach_root(const RootPlan& plan);
// Makes it `/` and detaches all of the host. pivot_root(2); in the caller's mount namespace chroot(2).
Failure enter_root(const RootPlan& plan);
Failure finish_root(const RootPlan& plan);  // read-only, if asked
// Unbindable, if asked: after paths were masked and made read-only, for which mounts are copied.
Failure finish_propagation(const RootPlan& plan);

// Hides paths: files by /dev/null, folders by one empty read-only tmpfs. What isn't there is skipped.
// `null_tree` is a detached copy of the host's /dev/null, checked to be that; `label` is linux.mountLabel.
Failure mask_paths(BorrowedFd root, const std::vector<std::string>& paths, BorrowedFd null_tree,
                   const std::string& label);
Failure make_paths_readonly(BorrowedFd root, const std::vector<std::string>& paths);
// Errors: corrupt, when /dev/null isn't the null device.
Result<UniqueFd> clone_null_device();

}  // namespace gantry::runtime
