#pragma once

#include "base/fd.h"
#include "runtime/failure.h"

#include <sys/types.h>

// Paths inside a container's root. The root may be hostile: all goes through openat2(2) with RESOLVE_IN_ROOT,
// and what was opened is used through its descriptor, never again by path. Nothing here allocates.

namespace gantry::runtime {

// `path` as a process with the root at `root` would find it, symbolic links followed inside, no magic links.
// Empty with errno set when it can't be opened.
UniqueFd open_in_root(BorrowedFd root, const char* path, int flags);

// The folder at `path`, made with what is missing on the way (0755). Only components that aren't there are
// made, one after another, each relative to its parent's descriptor, so nothing comes to lie outside whatever
// a container renames meanwhile (CVE-2024-45310). A symbolic link that leads to nothing is followed inside
// the root, and what it names is made. Empty with errno set.
UniqueFd make_folder_in_root(BorrowedFd root, const char* path);

// The folder that holds `path`, made if missing, and the last component, copied to `name` (NAME_MAX + 1
// bytes).
UniqueFd make_parent_in_root(BorrowedFd root, const char* path, char* name);

// A mount's target: a folder, or a file when `folder` is false; made if missing, as above. Mount on the
// descriptor, not on the path (CVE-2021-30465).
UniqueFd make_target_in_root(BorrowedFd root, const char* path, bool folder);

// A real folder, no component of `path` being a symbolic link; made if missing. For /proc and /dev, whose
// place must not be the image's to choose.
UniqueFd make_real_folder(BorrowedFd root, const char* path);

}  // namespace gantry::runtime
