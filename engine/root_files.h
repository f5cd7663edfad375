#pragma once

#include "base/fd.h"
#include "base/result.h"
#include "base/root_path.h"

#include <string>
#include <sys/types.h>

// Files inside a container's root, which its owner may have filled with symbolic links that point anywhere.
// Every path is resolved as if `root` were the root folder, and no further; see open_in_root.

namespace gantry::engine {

Result<UniqueFd> open_root(const std::string& rootfs);

// A regular file's text. Errors: not_found; invalid when it is no regular file or longer than `limit`.
Result<std::string> read_in_root(BorrowedFd root, const std::string& path, size_t limit = size_t{1} << 20);

// mkdir -p; what is missing is made 0755 and belongs to uid and gid. Returns the folder.
Result<UniqueFd> make_directories_in_root(BorrowedFd root, const std::string& path, uid_t uid = 0,
                                          gid_t gid = 0);

}  // namespace gantry::engine
