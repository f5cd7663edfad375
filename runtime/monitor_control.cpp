#include "runtime/monitor_control.h"

#include "base/text.h"

#include <array>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace gantry::runtime {

namespace {

constexpr size_t longest_request = 4200;  // "upgrade " and a path

}  // namespace

Result<void> ControlServer::listen(UniqueFd listener) {
  listener_ = std::move(listener);
  return loop_.watch(listener_, EPOLLIN, [this](uint32_t) { accept(); });
}

void ControlServer::accept() {
  UniqueFd connection(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (connection) (void)add(std::move(connection));  // one that can't be watched is closed, which tells it
}

Result<void> ControlServer::add(UniqueFd connection) {
  const BorrowedFd kept = connection;
  TRY(loop_.watch(kept, EPOLLIN, [this, kept](uint32_t) { on_request(kept); }));
  connections_[kept.get()] = std::move(connection);
  return {};
}

void ControlServer::on_request(BorrowedFd connection) {
  constexpr std::string_view upgrade_prefix = "upgrade ";
  std::array<char, longest_request> buffer;
  const ssize_t length = recv(connection.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (length <= 0) {
    loop_.forget(connection);
    connections_.erase(connection.get());
    return;
  }
  const auto request = trim({buffer.data(), static_cast<size_t>(length)});
  if (request.substr(0, upgrade_prefix.size()) == upgrade_prefix) {
    auto kept = duplicate(connection);
    if (!kept) return answer(connection, kept.error());
    return callbacks_.upgrade(std::string(request.substr(upgrade_prefix.size())), std::move(*kept));
  }
  answer(connection, handle(request));
}

void ControlServer::answer(BorrowedFd connection, const Result<void>& done) {
  const auto text = done ? std::string("ok") : "error: " + done.error().message();
  (void)!send(connection.get(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

void ControlServer::take_over_answered(UniqueFd connection, const Result<void>& done) {
  const BorrowedFd kept = connection;
  if (add(std::move(connection))) answer(kept, done);
}

Result<void> ControlServer::handle(std::string_view request) {
  constexpr std::string_view resize_prefix = "resize ";
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
