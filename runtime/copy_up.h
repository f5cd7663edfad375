#pragma once

#include "base/fd.h"
#include "runtime/failure.h"

namespace gantry::runtime {

// Copies what the image has in the folder `target` into the detached, empty tmpfs `tree` (podman's mount
// option tmpcopyup): folders, files, symbolic links, with modes and owners; device nodes, fifos and sockets
// aren't copied. `path` is the folder's name for errors.
Failure copy_up(BorrowedFd target, const char* path, BorrowedFd tree);

}  // namespace gantry::runtime
