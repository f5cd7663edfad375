#pragma once

#include "base/fd.h"
#include "base/result.h"

#include <string>

namespace gantry::runtime {

// One message: `name` as data, `fd` in SCM_RIGHTS. No allocation; -1 and errno when it failed. unix(7)
int send_fd(BorrowedFd socket, BorrowedFd fd, const char* name, size_t length);

// --pidfd-socket, and crun's annotation run.oci.pidfd_receiver: the init process for whoever listens at
// `path`.
Result<void> send_pidfd(const std::string& path, BorrowedFd pidfd);

}  // namespace gantry::runtime
