#include "cgroups/systemd_bus.h"

#include "base/text.h"

#include <cstddef>
#include <cstring>
#include <dbus/dbus.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

// libdbus's server side, which isn't used here, asks libsystemd for the sockets that it was started with;
// that has no static library.
extern "C" {
[[gnu::weak]] int sd_listen_fds(int) {
  return 0;
}
[[gnu::weak]] int sd_is_socket(int, int, int, int) {
  return 0;
}
}

namespace gantry::cgroups {
namespace {

using std::chrono::steady_clock;

constexpr auto patience = std::chrono::seconds(30);  // for each answer, as runc has it
constexpr size_t longest_line = 1024;                // of the authentication
constexpr size_t most_signals = 1000;                // kept while a reply is waited for

struct ErrorName {
  std::string_view name;
  ErrorKind kind;
};

constexpr ErrorName error_names[] = {
    {"org.freedesktop.systemd1.UnitExists", ErrorKind::exists},
    {"org.freedesktop.systemd1.NoSuchUnit", ErrorKind::not_found},
    {"org.freedesktop.DBus.Error.AccessDenied", ErrorKind::denied},
    {"org.freedesktop.DBus.Error.InteractiveAuthorizationRequired", ErrorKind::denied},
    {"org.freedesktop.DBus.Error.InvalidArgs", ErrorKind::invalid},
    {"org.freedesktop.DBus.Error.PropertyReadOnly", ErrorKind::invalid},
};

Error error_of(DBusMessage& reply) {
  const char* name = dbus_message_get_error_name(&reply);
  const char* text = nullptr;
  if (dbus_message_get_args(&reply, nullptr, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID) == FALSE) {
    text = name;
  }
  for (const auto& known : error_names) {
    if (known.name == name) return Error::make(known.kind, "{}", text);
  }
  return Error::make(ErrorKind::unavailable, "{}", text);
}

// %XX as the D-Bus specification has it in addresses.
std::string unescape_address(std::string_view text) {
  std::string plain;
  for (size_t at = 0; at < text.size(); ++at) {
    unsigned value = 0;
    if (text[at] == '%' && at + 2 < text.size() &&
        std::sscanf(std::string(text.substr(at + 1, 2)).c_str(), "%2x", &value) == 1) {
      plain += static_cast<char>(value);
      at += 2;
    } else {
      plain += text[at];
    }
  }
  return plain;
}

Result<UniqueFd> connect_socket(const std::string& name, bool abstract) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const size_t offset = abstract ? 1 : 0;
  if (name.empty() || name.size() + offset >= sizeof address.sun_path) {
    return Error::make(ErrorKind::invalid, "socket name \"{}\" is empty or too long", name);
  }
  std::memcpy(address.sun_path + offset, name.data(), name.size());
  const auto length =
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + offset + name.size() + (abstract ? 0 : 1));
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) return Error::system(errno, "make a socket");
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0) {
    return Error::system(errno, "connect to {}", name);
  }
  return socket;
}

Result<UniqueFd> connect_address(std::string_view address) {
  if (!address.starts_with("unix:")) {
    return Error::make(ErrorKind::unsupported, "bus address \"{}\" is not a local socket", address);
  }
  for (const auto& pair : split(address.substr(5), ',')) {
    if (pair.starts_with("path=")) return connect_socket(unescape_address(pair.substr(5)), false);
    if (pair.starts_with("abstract=")) return connect_socket(unescape_address(pair.substr(9)), true);
  }
  return Error::make(ErrorKind::unsupported, "bus address \"{}\" names no socket", address);
}

Result<UniqueFd> connect_first(const std::string& addresses) {
  Result<UniqueFd> last = Error::make(ErrorKind::invalid, "the bus address is empty");
  for (const auto& address : split(addresses, ';')) {
    if (address.empty()) continue;
    last = connect_address(address);
    if (last) break;
  }
  return last;
}

// write(2) would end the program with SIGPIPE when the other side is gone.
Result<void> send_bytes(BorrowedFd socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Error::system(errno, "write to the bus");
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  return {};
}

Result<BusMessage> hello() {
  BusMessage message(dbus_message_new_method_call("org.freedesktop.DBus", "/org/freedesktop/DBus",
                                                  "org.freedesktop.DBus", "Hello"));
  if (!message) return Error::make(ErrorKind::system, "out of memory");
  return message;
}

}  // namespace

void UnrefMessage::operator()(DBusMessage* message) const {
  dbus_message_unref(message);
}

Result<MessageBus> MessageBus::connect_to_bus(const std::string& address) {
  MessageBus bus(TRY(connect_first(address)));
  TRY(bus.authenticate().context("bus {}", address));
  TRY(bus.call(hello()).context("bus {}", address));
  bus.has_bus_ = true;
  return bus;
}

Result<MessageBus> MessageBus::connect_to_peer(const std::string& socket) {
  MessageBus bus(TRY(connect_socket(socket, false)));
  TRY(bus.authenticate().context("{}", socket));
  return bus;
}

Result<void> MessageBus::authenticate() {
  // All at once: whether it was accepted shows in the answer, before any message of ours goes out.
  constexpr char opening[] = "\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n";
  TRY(send_bytes(socket_, std::string_view(opening, sizeof opening - 1)));
  const auto deadline = steady_clock::now() + patience;
  for (;;) {
    const auto end = unread_.find("\r\n");
    if (end == std::string::npos) {
      if (unread_.size() > longest_line) return Error::make(ErrorKind::corrupt, "the answer isn't D-Bus");
      if (!TRY(read_more(deadline))) return Error::make(ErrorKind::denied, "authentication was refused");
      continue;
    }
    const auto line = unread_.substr(0, end);
    unread_.erase(0, end + 2);
    if (line.starts_with("OK")) return {};
    if (!line.starts_with("DATA")) return Error::make(ErrorKind::denied, "authentication: {}", line);
  }
}

Result<bool> MessageBus::read_more(steady_clock::time_point deadline) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - steady_clock::now());
    pollfd waiting{socket_.get(), POLLIN, 0};
    const int ready = left.count() <= 0 ? 0 : ::poll(&waiting, 1, static_cast<int>(left.count()));
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) return Error::system(errno, "wait for the bus");
    if (ready == 0) return Error::make(ErrorKind::timeout, "no answer within {} s", patience.count());
    char bytes[4096];
    const ssize_t count = ::read(socket_.get(), bytes, sizeof bytes);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Error::system(errno, "read from the bus");
    unread_.append(bytes, static_cast<size_t>(count));
    return count > 0;
  }
}

Result<void> MessageBus::send(DBusMessage& message) {
  char* bytes = nullptr;
  int length = 0;
  if (dbus_message_marshal(&message, &bytes, &length) == FALSE) {
    return Error::make(ErrorKind::system, "out of memory");
  }
  auto sent = send_bytes(socket_, std::string_view(bytes, static_cast<size_t>(length)));
  dbus_free(bytes);
  return sent;
}

Result<BusMessage> MessageBus::receive(steady_clock::time_point deadline) {
  for (;;) {
    const int have = static_cast<int>(unread_.size());
    const int needed =
        have < DBUS_MINIMUM_HEADER_SIZE ? 0 : dbus_message_demarshal_bytes_needed(unread_.data(), have);
    if (needed < 0) return Error::make(ErrorKind::corrupt, "the bus sent what is no message");
    if (needed > 0 && needed <= have) {
      BusMessage message(dbus_message_demarshal(unread_.data(), needed, nullptr));
      if (!message) return Error::make(ErrorKind::corrupt, "the bus sent a message that is broken");
      unread_.erase(0, static_cast<size_t>(needed));
      return message;
    }
    if (!TRY(read_more(deadline))) {
      return Error::make(ErrorKind::unavailable, "the bus closed the connection");
    }
  }
}

Result<BusMessage> MessageBus::call(Result<BusMessage> request) {
  const auto sent = TRY(std::move(request));
  dbus_message_set_serial(sent.get(), ++serial_);
  TRY(send(*sent));
  const auto deadline = steady_clock::now() + patience;
  for (;;) {
    auto message = TRY(receive(deadline));
    const int type = dbus_message_get_type(message.get());
    if (type == DBUS_MESSAGE_TYPE_SIGNAL && signals_.size() < most_signals) {
      signals_.push_back(std::move(message));
    } else if (dbus_message_get_reply_serial(message.get()) == serial_) {
      if (type == DBUS_MESSAGE_TYPE_ERROR) return error_of(*message);
      return message;
    }
  }
}

Result<BusMessage> MessageBus::wait_for_signal(const std::string& member, steady_clock::time_point deadline) {
  for (;;) {
    auto message = BusMessage();
    if (signals_.empty()) {
      message = TRY(receive(deadline));
    } else {
      message = std::move(signals_.front());
      signals_.erase(signals_.begin());
    }
    const char* name = dbus_message_get_member(message.get());
    const bool signal = dbus_message_get_type(message.get()) == DBUS_MESSAGE_TYPE_SIGNAL;
    if (signal && name != nullptr && member == name) return message;
  }
}

}  // namespace gantry::cgroups
