#include "runtime/monitor_journal.h"

#include "base/fd_passing.h"
#include "base/files.h"

#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace gantry::runtime {

namespace {

constexpr const char* journal_path = "/run/systemd/journal/socket";
constexpr auto journal_patience = std::chrono::milliseconds(200);

Result<UniqueFd> connect_datagram(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return Error::make(ErrorKind::invalid, "socket path {} is too long", path);
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return Error::system(errno, "make a socket");
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
    return socket;
  const int error = errno;
  if (error == ECONNREFUSED)
    return Error::make(ErrorKind::unavailable, "journald doesn't listen on {}", path);
  return Error::system(error, "connect to journald at {}", path);
}

// The journal reads only what nobody can change any more.
Result<UniqueFd> make_sealed_file(const std::string& content) {
  UniqueFd file(memfd_create("journal-record", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file) return Error::system(errno, "make a memory file");
  TRY(write_all(file, content));
  if (fcntl(file.get(), F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0) {
    return Error::system(errno, "seal a memory file");
  }
  return file;
}

}  // namespace

Result<JournalSocket> JournalSocket::connect(const std::string& path) {
  auto socket = TRY(connect_datagram(path));
  return JournalSocket(path, std::move(socket));
}

int JournalSocket::try_send(const std::string& record) {
  if (::send(socket_.get(), record.data(), record.size(), MSG_NOSIGNAL) >= 0) return 0;
  const int error = errno;
  return error == EMSGSIZE || error == ENOBUFS ? send_as_file(record) : error;
}

int JournalSocket::send_as_file(const std::string& record) {
  const auto file = make_sealed_file(record);
  if (!file) return file.error().system_errno();
  return send_with_fd(socket_, {}, *file) >= 0 ? 0 : errno;
}

Result<void> JournalSocket::send(const std::string& record, std::chrono::milliseconds patience) {
  int error = try_send(record);
  if (error == EAGAIN && patience.count() > 0) {
    pollfd room{socket_.get(), POLLOUT, 0};
    if (poll(&room, 1, static_cast<int>(patience.count())) > 0) error = try_send(record);
  }
  if (error == ECONNREFUSED || error == ENOTCONN || error == EPIPE) {  // journald was started anew
    socket_ = TRY(connect_datagram(path_));
    error = try_send(record);
  }
  if (error == 0) return {};
  if (error == EAGAIN) return Error::make(ErrorKind::timeout, "the journal takes no record");
  return Error::system(error, "write to the journal");
}

void append_journal_field(std::string& into, std::string_view name, std::string_view value) {
  into += name;
  into += '\n';
  for (int shift = 0; shift < 64; shift += 8) into += static_cast<char>(uint64_t{value.size()} >> shift);
  into += value;
  into += '\n';
}

JournalLog::JournalLog(LogConfig config) : path_(std::move(config.path)) {
  if (path_.empty()) path_ = journal_path;
  for (const auto& [name, value] : config.fields) append_journal_field(fields_, name, value);
}

Result<void> JournalLog::open() {
  socket_ = TRY(JournalSocket::connect(path_));
  return {};
}

void JournalLog::append(const LogRecord& record) {
  std::string text;
  append_journal_field(text, "MESSAGE", record.text);
  append_journal_field(text, "PRIORITY", record.stream == Stream::output ? "6" : "3");
  if (record.is_part) append_journal_field(text, "CONTAINER_PARTIAL_MESSAGE", "true");
  text += fields_;
  const auto patience = is_behind_ ? std::chrono::milliseconds(0) : journal_patience;
  if (!socket_) (void)open();  // it couldn't be, when the monitor was replaced
  is_behind_ = !socket_ || !socket_->send(text, patience);
  if (is_behind_) lose(1);
}

}  // namespace gantry::runtime
