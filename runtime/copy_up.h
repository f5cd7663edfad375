#pragma once

#include "base/fd.h"
#include "runtime/failure.h"

namespace gantry::runtime {

// Copies what the folder `path` of the image holds into the detached, empty tmpfs `tree` (podman's mount
// option tmpcopyup): folders, files, symbolic links, with modes and owners; device nodes, fifos and sockets
// aren't copied.
Failure copy_up(BorrowedFd root, const char* path, BorrowedFd tree);

}  // namespace gantry::runtime
