#pragma once

#include "base/fd.h"

#include <sys/types.h>

namespace gantry::runtime {

// "HOME=…" of the user in the container's /etc/passwd, "HOME=/" when it isn't there. In static memory.
char* find_home(BorrowedFd root, uid_t uid);

}  // namespace gantry::runtime
