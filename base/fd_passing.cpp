#include "base/fd_passing.h"

#include <cerrno>
#include <cstring>

namespace gantry {
namespace {

constexpr size_t largest_control = CMSG_SPACE(most_passed_fds * sizeof(int));

void attach(msghdr& message, std::span<char> room, std::span<const BorrowedFd> fds) {
  message.msg_control = room.data();
  message.msg_controllen = CMSG_SPACE(fds.size_bytes());
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
  unsigned char* at = CMSG_DATA(header);
  for (const BorrowedFd fd : fds) {
    const int number = fd.get();
    std::memcpy(at, &number, sizeof number);
    at += sizeof number;
  }
}

void take(const cmsghdr& header, std::vector<UniqueFd>& fds) {
  const size_t count = (header.cmsg_len - CMSG_LEN(0)) / sizeof(int);
  for (size_t i = 0; i < count; ++i) {
    int number = -1;
    std::memcpy(&number, CMSG_DATA(&header) + i * sizeof number, sizeof number);
    fds.emplace_back(number);
  }
}

}  // namespace

ssize_t send_with_fds(BorrowedFd socket, std::string_view bytes, std::span<const BorrowedFd> fds,
                      const sockaddr* to, socklen_t to_size) {
  if (fds.size() > most_passed_fds) {
    errno = EINVAL;
    return -1;
  }
  iovec part{const_cast<char*>(bytes.data()), bytes.size()};  // NOLINT: sendmsg's type
  alignas(cmsghdr) char control[largest_control];
  msghdr message{};
  message.msg_name = const_cast<sockaddr*>(to);  // NOLINT: sendmsg's type
  message.msg_namelen = to_size;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (!fds.empty()) attach(message, control, fds);
  return ::sendmsg(socket.get(), &message, MSG_NOSIGNAL);
}

ssize_t receive_with_fds(BorrowedFd socket, std::span<char> bytes, std::vector<UniqueFd>& fds, int flags) {
  iovec part{bytes.data(), bytes.size()};
  alignas(cmsghdr) char control[largest_control];
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  const ssize_t count = ::recvmsg(socket.get(), &message, flags | MSG_CMSG_CLOEXEC);
  if (count < 0) return count;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) take(*header, fds);
  }
  return count;
}

ssize_t receive_with_fd(BorrowedFd socket, std::span<char> bytes, UniqueFd& fd) {
  std::vector<UniqueFd> fds;
  const ssize_t count = receive_with_fds(socket, bytes, fds);
  if (!fds.empty()) fd = std::move(fds.front());
  return count;
}

}  // namespace gantry
