#pragma once

#include "base/fd.h"
#include "base/result.h"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

struct DBusMessage;

namespace gantry::cgroups {

struct UnrefMessage {
  void operator()(DBusMessage* message) const;
};
using BusMessage = std::unique_ptr<DBusMessage, UnrefMessage>;

// A connection to a message bus, or to a peer that speaks its protocol. libdbus writes and reads the
// messages; the socket is ours, so that authentication goes by what the kernel says of us (libdbus would tell
// the uid, which in a user namespace isn't the one that the other side sees), and so that nothing waits for
// ever. Source: D-Bus specification 0.38; SASL EXTERNAL with an empty identity, as sd-bus does it.
class MessageBus {
 public:
  // `address` as in $DBUS_SESSION_BUS_ADDRESS: unix:path=… or unix:abstract=…, several separated by ";".
  // Says Hello. Errors: invalid, unavailable, denied, timeout.
  static Result<MessageBus> connect_to_bus(const std::string& address);
  // A socket with no bus behind it, such as /run/systemd/private.
  static Result<MessageBus> connect_to_peer(const std::string& socket);

  // Sends the request (an Error is passed on) and returns the reply. An error reply is an Error with its
  // text; of kind exists for UnitExists, not_found for NoSuchUnit, denied for AccessDenied.
  Result<BusMessage> call(Result<BusMessage> request);
  // The next signal called `member`, also one that came while a reply was waited for. Errors: timeout.
  Result<BusMessage> wait_for_signal(const std::string& member,
                                     std::chrono::steady_clock::time_point deadline);

  bool has_bus() const { return has_bus_; }

 private:
  explicit MessageBus(UniqueFd socket) : socket_(std::move(socket)) {}
  Result<void> authenticate();
  Result<void> send(DBusMessage& message);
  Result<BusMessage> receive(std::chrono::steady_clock::time_point deadline);
  Result<bool> read_more(std::chrono::steady_clock::time_point deadline);  // false: the other side closed

  UniqueFd socket_;
  std::string unread_;  // bytes received, without those of whole messages
  std::vector<BusMessage> signals_;
  unsigned serial_ = 0;
  bool has_bus_ = false;
};

}  // namespace gantry::cgroups
