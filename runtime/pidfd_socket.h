#pragma once

#include "base/fd.h"
#include "base/result.h"

#include <string>

namespace gantry::runtime {

// --pidfd-socket, and crun's annotation run.oci.pidfd_receiver: the init process for whoever listens at
// `path`.
Result<void> send_pidfd(const std::string& path, BorrowedFd pidfd);

}  // namespace gantry::runtime
