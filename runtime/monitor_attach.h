#pragma once

#include "base/fd.h"
#include "base/result.h"
#include "runtime/monitor_handover.h"
#include "runtime/monitor_log.h"
#include "runtime/monitor_loop.h"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace gantry::runtime {

// The attached clients: each gets the container's output through a bounded queue of its own; what they send
// goes to the container's stdin. monitor_files.h describes the protocol.
class AttachServer {
 public:
  struct Callbacks {
    std::function<void(std::string_view)> input;
    std::function<void(bool was_half_close)>
        input_ended;  // half-closed; or a client that had sent input went away
    std::function<void()> congestion_changed;
  };

  AttachServer(EventLoop& loop, Callbacks callbacks) : loop_(loop), callbacks_(std::move(callbacks)) {}
  AttachServer(const AttachServer&) = delete;
  AttachServer& operator=(const AttachServer&) = delete;

  Result<void> listen(UniqueFd listener);
  BorrowedFd listener() const { return listener_; }
  // The client that may slow the container down.
  Result<void> add_foreground(UniqueFd client);

  bool has_foreground() const;

  void send(Stream stream, std::string_view data);
  // The foreground client has much waiting: the container's output shouldn't be read just now.
  bool congested() const { return congested_; }
  // Clients' input isn't read while the container doesn't take it.
  void hold_input(bool hold);
  // For the replacement of the monitor: the clients with what waits for them, and the same again.
  void hand_over(Handover& handover, std::vector<BorrowedFd>& descriptors) const;
  void take_over(const HandedClient& client, UniqueFd fd);
  // Closes each client as soon as it has what waits for it, then calls `closed` (when all are gone). A client
  // that takes nothing for 5 s is closed anyway, the foreground one only when it leaves.
  void close_all(std::function<void()> closed);

 private:
  struct Client {
    UniqueFd fd;
    bool foreground = false;
    bool sent_input = false;
    bool input_open = true;
    bool hung_up = false;
    std::deque<std::string> queue;
    size_t waiting = 0;  // bytes in `queue`
  };
  using ClientId = uint64_t;

  void accept();
  Result<void> add(UniqueFd fd, bool foreground);
  void on_event(ClientId id, uint32_t events);
  void read_input(ClientId id);
  bool flush(Client& client);  // false: the client is gone
  void drop(ClientId id);
  void update(Client& client);
  void set_congestion();
  void finish_closing();

  EventLoop& loop_;
  Callbacks callbacks_;
  UniqueFd listener_;
  std::map<ClientId, Client> clients_;
  ClientId next_ = 1;
  bool congested_ = false;
  bool input_held_ = false;
  std::function<void()> closed_;  // set while closing
};

}  // namespace gantry::runtime
