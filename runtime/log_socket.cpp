#include "runtime/log_socket.h"

#include "base/text.h"

#include <cstring>
#include <ctime>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>

namespace gantry::runtime {
namespace {

constexpr std::string_view journal_prefix = "journald:";
constexpr std::string_view syslog_prefix = "syslog:";

Result<UniqueFd> connect_datagram(const char* path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return Error::system(errno, "make a socket");
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
    return socket;
  return Error::system(errno, "connect to {}", path);
}

int priority_of(const char* level) {
  if (std::strcmp(level, "error") == 0) return LOG_ERR;
  return std::strcmp(level, "warning") == 0 ? LOG_WARNING : LOG_DEBUG;
}

// A field whose value may hold any bytes. Source: systemd, "Native Journal Protocol".
std::string journal_field(std::string_view name, std::string_view value) {
  std::string field(name);
  field += '\n';
  for (int shift = 0; shift < 64; shift += 8) field += static_cast<char>(uint64_t{value.size()} >> shift);
  field += value;
  return field + '\n';
}

// RFC 3164, as syslog(3) writes it; the time is local.
std::string syslog_line(int priority, const std::string& id, const std::string& text) {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  char stamp[32] = {};
  ::localtime_r(&now, &local);
  std::strftime(stamp, sizeof stamp, "%b %e %T", &local);
  std::string line = format("<{}>{} {}: {}", LOG_USER | priority, stamp, id, text);
  for (char& c : line) c = c == '\n' ? ' ' : c;
  return line;
}

}  // namespace

Result<std::optional<LogSocket>> LogSocket::connect(const std::string& target, const LogPlaces& places) {
  const bool is_journal = target.rfind(journal_prefix, 0) == 0;
  if (!is_journal && target.rfind(syslog_prefix, 0) != 0) return std::optional<LogSocket>();
  std::string id = target.substr(is_journal ? journal_prefix.size() : syslog_prefix.size());
  if (id.find('\n') != std::string::npos)
    return Error::make(ErrorKind::invalid, "--log: the ID of \"{}\" must be one line", target);
  if (id.empty()) id = "gantry-oci";
  auto socket =
      TRY(connect_datagram(is_journal ? places.journal : places.syslog).context("--log {}", target));
  return std::optional<LogSocket>(LogSocket(std::move(socket), std::move(id), is_journal));
}

void LogSocket::send(const char* level, const std::string& text) const {
  const int priority = priority_of(level);
  const std::string record =
      is_journal_ ? journal_field("MESSAGE", text) + journal_field("PRIORITY", std::to_string(priority)) +
                        journal_field("SYSLOG_IDENTIFIER", "gantry-oci") + journal_field("ID", id_)
                  : syslog_line(priority, id_, text);
  (void)::send(socket_.get(), record.data(), record.size(), MSG_NOSIGNAL);
}

}  // namespace gantry::runtime
