#pragma once

#include "base/fd.h"

#include <span>
#include <string_view>
#include <sys/socket.h>
#include <vector>

namespace gantry {

inline constexpr size_t most_passed_fds = 253;  // the kernel's SCM_MAX_FD

// Sends `bytes`, and `fds` along with them in SCM_RIGHTS; `to` only for a socket that isn't connected.
// Returns the number of bytes sent, or -1 and errno. Neither allocates nor throws: it serves after a fork
// too. Errors: EINVAL with more than most_passed_fds. unix(7), cmsg(3)
ssize_t send_with_fds(BorrowedFd socket, std::string_view bytes, std::span<const BorrowedFd> fds,
                      const sockaddr* to = nullptr, socklen_t to_size = 0);

inline ssize_t send_with_fd(BorrowedFd socket, std::string_view bytes, BorrowedFd fd) {
  return send_with_fds(socket, bytes, {&fd, 1});
}

// Receives into `bytes`, and adds to `fds` what came along, with O_CLOEXEC. Returns the number of bytes, 0 at
// the end, or -1 and errno. `flags` as for recvmsg(2).
ssize_t receive_with_fds(BorrowedFd socket, std::span<char> bytes, std::vector<UniqueFd>& fds, int flags = 0);

// The same for a message that brings one descriptor: the first that came, or empty.
ssize_t receive_with_fd(BorrowedFd socket, std::span<char> bytes, UniqueFd& fd);

}  // namespace gantry
