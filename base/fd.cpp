#include "base/fd.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace gantry {

UniqueFd& UniqueFd::operator=(UniqueFd&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

void UniqueFd::reset() {
  // close(2): even after EINTR the descriptor is gone on Linux, so there is nothing to retry.
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

Result<Pipe> Pipe::make() {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0) return Error::system(errno, "pipe2");
  return Pipe{UniqueFd(fds[0]), UniqueFd(fds[1])};
}

Result<SocketPair> SocketPair::make() {
  int fds[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
    return Error::system(errno, "socketpair");
  return SocketPair{UniqueFd(fds[0]), UniqueFd(fds[1])};
}

Result<UniqueFd> duplicate(BorrowedFd fd) {
  const int copy = ::fcntl(fd.get(), F_DUPFD_CLOEXEC, 3);
  if (copy < 0) return Error::system(errno, "duplicate descriptor {}", fd.get());
  return UniqueFd(copy);
}

}  // namespace gantry
