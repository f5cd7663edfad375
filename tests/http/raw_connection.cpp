#include "tests/http/raw_connection.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

namespace gantry::http::test {
namespace {

using Steady = std::chrono::steady_clock;

bool readable(const UniqueFd& socket, Steady::time_point deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Steady::now()).count();
  pollfd item{socket.get(), POLLIN, 0};
  return left > 0 && poll(&item, 1, static_cast<int>(left)) == 1;
}

}  // namespace

RawConnection::RawConnection(uint16_t port) : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) socket_.reset();
}

bool RawConnection::send(const std::string& bytes) {
  return ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
         static_cast<ssize_t>(bytes.size());
}

std::string RawConnection::receive_until(const std::string& marker, std::chrono::milliseconds limit) {
  const auto deadline = Steady::now() + limit;
  char buffer[4096];
  while (pending_.find(marker) == std::string::npos && readable(socket_, deadline)) {
    const auto got = recv(socket_.get(), buffer, sizeof(buffer), 0);
    if (got <= 0) break;
    pending_.append(buffer, static_cast<size_t>(got));
  }
  return std::exchange(pending_, {});
}

bool RawConnection::closes(std::chrono::milliseconds limit) {
  const auto deadline = Steady::now() + limit;
  char buffer[4096];
  while (readable(socket_, deadline)) {
    if (recv(socket_.get(), buffer, sizeof(buffer), 0) <= 0) return true;
  }
  return false;
}

}  // namespace gantry::http::test
