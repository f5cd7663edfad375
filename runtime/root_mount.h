#pragma once

#include "base/fd.h"
#include "base/result.h"

#include <cstdint>
#include <string>

// The root of a container without a mount namespace: a mount in the caller's namespace, below which all its
// other mounts lie. Detaching that one undoes them all.

namespace gantry::runtime {

// Which mount it is, since there may be others at the same path, before and after ours. statx(2).
struct MountIdentity {
  uint64_t id = 0;      // as in /proc/self/mountinfo: given to another mount when this one is gone
  uint64_t unique = 0;  // never given again. Linux 6.8; 0: not known

  bool exists() const { return id != 0; }
};

// Of a mount that may be detached yet: it keeps its identity when it is attached.
Result<MountIdentity> identify_mount(BorrowedFd tree);

// Detaches the mount at `path` if it is that one, with all on it. Nothing is done when it isn't there (it was
// never attached, or somebody unmounted it). Errors: conflict, when another mount covers it.
Result<void> detach_root(const std::string& path, const MountIdentity& mount);

}  // namespace gantry::runtime
