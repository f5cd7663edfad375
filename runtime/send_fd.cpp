#include "runtime/send_fd.h"

#include "runtime/terminal.h"

#include <cstring>
#include <sys/socket.h>

namespace gantry::runtime {

int send_fd(BorrowedFd socket, BorrowedFd fd, const char* name, size_t length) {
  iovec data{const_cast<char*>(name), length};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  const int number = fd.get();
  std::memcpy(CMSG_DATA(header), &number, sizeof number);
  return ::sendmsg(socket.get(), &message, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

Result<void> send_pidfd(const std::string& path, BorrowedFd pidfd) {
  const UniqueFd socket = TRY(connect_stream_socket("pidfd socket", path));
  if (send_fd(socket, pidfd, "pidfd", 5) == 0) return {};
  return Error::system(errno, "send the pidfd over {}", path);
}

}  // namespace gantry::runtime
