#pragma once

#include "base/fd.h"
#include "runtime/failure.h"
#include "runtime/mounts.h"

// New file systems for a container's mounts, by whichever of the kernel's two interfaces says what is asked
// for: mount(2), or fsopen(2), fsconfig(2) and fsmount(2). Nothing here allocates.

namespace gantry::runtime {

// One option to a file system's context of fsopen(2) or fspick(2). fsconfig(2).
Failure set_option(BorrowedFd context, const FilesystemOption& option);

// The common case by mount(2), with `target` as the working directory: one call for what else takes one for
// each option and three more. False, with nothing done, when it isn't that, or fails: make_filesystem says
// why.
bool mount_in_one_call(const MountPlan& plan, BorrowedFd target);

// The detached mount of a new file system, to be attached at `target`, whose mode a tmpfs takes over.
Failure make_filesystem(const MountPlan& plan, BorrowedFd target, UniqueFd& tree);

}  // namespace gantry::runtime
