#include "runtime/pidfd_socket.h"

#include "base/fd_passing.h"
#include "runtime/terminal.h"

namespace gantry::runtime {

Result<void> send_pidfd(const std::string& path, BorrowedFd pidfd) {
  const UniqueFd socket = TRY(connect_stream_socket("pidfd socket", path));
  if (send_with_fd(socket, "pidfd", pidfd) >= 0) return {};
  return Error::system(errno, "send the pidfd over {}", path);
}

}  // namespace gantry::runtime
