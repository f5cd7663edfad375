#include "runtime/monitor_client.h"

#include "base/files.h"
#include "base/lock.h"
#include "runtime/monitor_socket.h"

#include <poll.h>
#include <sys/socket.h>

namespace gantry::runtime {

namespace {

constexpr int answer_limit_ms = 10'000;

Result<void> request(const std::string& directory, const std::string& text) {
  const auto folder = TRY(SocketFolder::open(directory));
  const auto socket = TRY(folder.connect("control.sock", SOCK_SEQPACKET));
  if (send(socket.get(), text.data(), text.size(), MSG_NOSIGNAL) < 0) {
    return Error::system(errno, "send \"{}\" to the monitor", text);
  }
  pollfd waiting{socket.get(), POLLIN, 0};
  if (poll(&waiting, 1, answer_limit_ms) <= 0) {
    return Error::make(ErrorKind::timeout, "the monitor of {} doesn't answer \"{}\"", directory, text);
  }
  char buffer[1024];
  const ssize_t length = recv(socket.get(), buffer, sizeof buffer, 0);
  const std::string_view answer(buffer, length > 0 ? static_cast<size_t>(length) : 0);
  if (answer == "ok") return {};
  if (answer.empty()) {
    return Error::make(ErrorKind::unavailable, "the monitor of {} ended before it answered", directory);
  }
  return Error::make(ErrorKind::conflict, "{}: {}", text, answer);
}

}  // namespace

bool monitor_is_alive(const std::string& directory) {
  const auto path = join_path(directory, "monitor.lock");
  if (!path_exists(path)) return false;
  // A shared lock, so that two who ask at once don't take each other for the monitor.
  const auto lock = FileLock::try_acquire(path, LockMode::shared);
  return lock && !lock->has_value();
}

Result<MonitorStatus> read_monitor_status(const std::string& directory) {
  const auto path = join_path(directory, "status.json");
  return parse_monitor_status(TRY(read_file(path)), path);
}

Result<HealthStatus> read_health_status(const std::string& directory) {
  const auto path = join_path(directory, "health.json");
  return parse_health_status(TRY(read_file(path)), path);
}

Result<UniqueFd> connect_attach(const std::string& directory) {
  return TRY(SocketFolder::open(directory)).connect("attach.sock", SOCK_SEQPACKET);
}

Result<void> request_stop(const std::string& directory) {
  return request(directory, "stop");
}

Result<void> upgrade_monitor(const std::string& directory, const std::string& program) {
  return request(directory, "upgrade " + program);
}

Result<void> resize_terminal(const std::string& directory, uint16_t rows, uint16_t columns) {
  return request(directory, format("resize {} {}", rows, columns));
}

}  // namespace gantry::runtime
