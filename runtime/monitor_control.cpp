#include "runtime/monitor_control.h"

#include "base/text.h"

#include <array>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace gantry::runtime {

Result<void> ControlServer::listen(UniqueFd listener) {
  listener_ = std::move(listener);
  return loop_.watch(listener_, EPOLLIN, [this](uint32_t) { accept(); });
}

void ControlServer::accept() {
  UniqueFd connection(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!connection) return;
  const int fd = connection.get();
  if (loop_.watch(connection, EPOLLIN, [this, fd](uint32_t) { on_request(fd); })) {
    connections_[fd] = std::move(connection);
  }
}

void ControlServer::on_request(int fd) {
  std::array<char, 256> buffer;
  const ssize_t length = recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (length <= 0) {
    loop_.forget(BorrowedFd(fd));
    connections_.erase(fd);
    return;
  }
  const auto done = handle({buffer.data(), static_cast<size_t>(length)});
  const auto answer = done ? std::string("ok") : "error: " + done.error().message();
  (void)!send(fd, answer.data(), answer.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

Result<void> ControlServer::handle(std::string_view request) {
  constexpr std::string_view resize_prefix = "resize ";
  request = trim(request);
  if (request == "reopen-log") return callbacks_.reopen_log();
  if (request.substr(0, resize_prefix.size()) == resize_prefix) {
    return resize(request.substr(resize_prefix.size()));
  }
  if (request != "stop") return Error::make(ErrorKind::invalid, "unknown request \"{}\"", request);
  callbacks_.stop();
  return {};
}

Result<void> ControlServer::resize(std::string_view size) {
  const auto words = split(size, ' ');
  if (words.size() != 2)
    return Error::make(ErrorKind::invalid, "resize wants ROWS COLUMNS, found \"{}\"", size);
  const auto rows = TRY(parse_unsigned("rows", words[0], UINT16_MAX));
  const auto columns = TRY(parse_unsigned("columns", words[1], UINT16_MAX));
  return callbacks_.resize(static_cast<uint16_t>(rows), static_cast<uint16_t>(columns));
}

}  // namespace gantry::runtime
