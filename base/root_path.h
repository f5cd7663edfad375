#pragma once

#include "base/fd.h"

#include <string>
#include <sys/types.h>

// Paths below a folder whose content isn't ours: openat2(2), and what was opened is used through its
// descriptor.

namespace gantry {

// openat2(2) with O_CLOEXEC added; EAGAIN (a rename raced with "..") is tried again, as its man page asks.
// Allocates nothing. Empty with errno set.
UniqueFd open_resolved(BorrowedFd folder, const char* path, int flags, uint64_t resolve, mode_t mode = 0);

// `path` ("" is the root itself) as a process with its root at `root` would find it: symbolic links are
// followed inside, magic links aren't. Errors: not_found; unsupported before Linux 5.6.
Result<UniqueFd> open_in_root(BorrowedFd root, const std::string& path, int flags, mode_t mode = 0);

}  // namespace gantry
