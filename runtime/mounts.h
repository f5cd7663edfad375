#pragma once

#include "base/fd.h"
#include "oci/runtime_config.h"
#include "runtime/closed_together.h"
#include "runtime/failure.h"
#include "runtime/id_mapped_mounts.h"
#include "runtime/mount_options.h"

#include <string>
#include <vector>

namespace gantry::runtime {

// One mount of config.json, prepared by the parent: a bind's source is a detached tree with its attributes
// set, so that nothing is looked up on the host later.
struct MountPlan {
  std::string destination;
  std::string type;
  std::string source;
  MountOptions options;
  UniqueFd tree;      // a bind's source
  UniqueFd fallback;  // for sysfs and cgroup that a user namespace may not mount: the host's, read-only
  dev_t device = 0;   // of a bind's source
  ino_t inode = 0;
  bool folder = true;
  bool joins_superblock = false;  // of a file system that is mounted on the host: no state of it is set
  std::string root_label;         // SELinux's, for a file system that takes no option for it
  bool readonly_last = false;     // what must first be filled is made read-only at the end
  UniqueFd mounted;               // in the child: the mount, for finish_mount
};

struct MountContext {
  std::string bundle;
  bool user_namespace = false;  // the container has one
  bool own_network = true;      // and a network namespace that belongs to it
  std::string cgroup_mount;     // of the host; may be empty
  bool shares = false;          // some mount of the container is to be shared
  std::string label;            // linux.mountLabel; empty: none
  MountIdMaps* id_maps = nullptr;
};

// Errors: name the destination.
Result<MountPlan> plan_mount(const oci::Mount& mount, const MountContext& context);

// What mounting one after another carries along.
struct MountProgress {
  ClosedTogether done;
  UniqueFd dev;  // /dev, when it is a tmpfs that was mounted just now
  bool wants_procfs = false;
  UniqueFd procfs;  // /proc, when that is wanted and was mounted
};

// Attaches it below `root`, on the descriptor of its destination (CVE-2021-30465). May change the working
// directory.
Failure perform_mount(BorrowedFd root, MountPlan& plan, MountProgress& progress);
// The read-only remounts that had to wait.
Failure finish_mount(const MountPlan& plan);

// Whether something else than procfs itself may be mounted there: /proc/cpuinfo and few more.
bool is_allowed_in_proc(const std::string& destination);

}  // namespace gantry::runtime
