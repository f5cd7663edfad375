#pragma once

#include "base/fd.h"
#include "base/result.h"

namespace gantry::engine {

// Copies what the folder `from` holds into the folder `to`, and its owner, mode and extended attributes onto
// it. Symbolic links are copied, never followed; hard links become files of their own; holes stay holes;
// sockets are left out. Errors: invalid for folders nested deeper than 1000.
Result<void> copy_tree(BorrowedFd from, BorrowedFd to);

}  // namespace gantry::engine
