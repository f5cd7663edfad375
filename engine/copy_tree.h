#pragma once

#include "base/fd.h"
#include "base/result.h"

#include <sys/types.h>

namespace gantry::engine {

// Copies what the folder `from` holds into the folder `to`, and its owner, mode and extended attributes onto
// it. Symbolic links are copied, never followed; hard links become files of their own; holes stay holes;
// sockets are left out. Errors: invalid for folders nested deeper than 1000.
Result<void> copy_tree(BorrowedFd from, BorrowedFd to);

// Copies a file's first `size` bytes; holes stay holes. Errors: conflict when it is shorter by now.
Result<void> copy_file_data(BorrowedFd from, BorrowedFd to, off_t size);

}  // namespace gantry::engine
