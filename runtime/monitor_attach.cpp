#include "runtime/monitor_attach.h"

#include "base/text.h"

#include <array>
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace gantry::runtime {

namespace {

constexpr size_t packet_bytes = 8192;
constexpr size_t most_waiting = size_t{4} << 20;
constexpr size_t foreground_high = size_t{256} << 10;
constexpr size_t foreground_low = size_t{64} << 10;
constexpr auto closing_limit = std::chrono::seconds(5);

}  // namespace

Result<void> AttachServer::listen(UniqueFd listener) {
  listener_ = std::move(listener);
  return loop_.watch(listener_, EPOLLIN, [this](uint32_t) { accept(); });
}

void AttachServer::accept() {
  UniqueFd fd(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (fd) (void)add(std::move(fd), false);  // one that can't be watched is closed, which tells it
}

Result<void> AttachServer::add_foreground(UniqueFd client) {
  fcntl(client.get(), F_SETFL, O_NONBLOCK);
  fcntl(client.get(), F_SETFD, FD_CLOEXEC);
  return add(std::move(client), true);
}

// One that went away just now may not have been dropped yet.
bool AttachServer::has_foreground() const {
  for (const auto& [id, client] : clients_) {
    pollfd gone{client.fd.get(), 0, 0};
    if (client.foreground && poll(&gone, 1, 0) == 0) return true;
  }
  return false;
}

Result<void> AttachServer::add(UniqueFd fd, bool foreground) {
  const auto id = next_++;
  auto& client = clients_[id];
  client.fd = std::move(fd);
  client.foreground = foreground;
  auto watched = loop_.watch(client.fd, 0, [this, id](uint32_t events) { on_event(id, events); });
  if (!watched) {
    clients_.erase(id);
    return watched;
  }
  update(client);
  return {};
}

void AttachServer::update(Client& client) {
  uint32_t events = 0;
  if (client.input_open && !input_held_) events |= EPOLLIN;
  if (!client.queue.empty()) events |= EPOLLOUT;
  loop_.change(client.fd, events);
}

void AttachServer::on_event(ClientId id, uint32_t events) {
  const auto found = clients_.find(id);
  if (found == clients_.end()) return;
  if ((events & (EPOLLHUP | EPOLLERR)) != 0) {
    while (found->second.input_open) read_input(id);  // what it sent before it went away
    return drop(id);
  }
  if ((events & EPOLLIN) != 0) return read_input(id);
  if ((events & EPOLLOUT) == 0) return;
  if (!flush(found->second)) return drop(id);
  update(found->second);
  set_congestion();
  if (closed_ && found->second.queue.empty()) drop(id);
}

void AttachServer::read_input(ClientId id) {
  auto& client = clients_.at(id);
  std::array<char, 65536> buffer;
  const ssize_t length = recv(client.fd.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  const int error = errno;
  if (length < 0 && (error == EAGAIN || error == EINTR)) return;
  if (length > 0) {
    client.sent_input = true;
    return callbacks_.input({buffer.data(), static_cast<size_t>(length)});
  }
  client.input_open = false;
  update(client);  // a closed socket comes back as EPOLLHUP
  if (length == 0) callbacks_.input_ended(true);
}

bool AttachServer::flush(Client& client) {
  while (!client.queue.empty()) {
    const auto& packet = client.queue.front();
    if (::send(client.fd.get(), packet.data(), packet.size(), MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
      return errno == EAGAIN || errno == EINTR || errno == ENOBUFS;
    }
    client.waiting -= packet.size();
    client.queue.pop_front();
  }
  return true;
}

void AttachServer::send(Stream stream, std::string_view data) {
  std::vector<ClientId> lost;
  for (auto& [id, client] : clients_) {
    for (size_t at = 0; at < data.size(); at += packet_bytes) {
      std::string packet(1, static_cast<char>(stream));
      packet += data.substr(at, packet_bytes);
      client.waiting += packet.size();
      client.queue.push_back(std::move(packet));
    }
    const bool alive = flush(client);
    if (!alive || (!client.foreground && client.waiting > most_waiting)) {
      lost.push_back(id);
    } else {
      update(client);
    }
  }
  for (const auto id : lost) drop(id);
  set_congestion();
}

void AttachServer::set_congestion() {
  size_t waiting = 0;
  for (const auto& [id, client] : clients_) {
    if (client.foreground) waiting = client.waiting;
  }
  const bool now = waiting > (congested_ ? foreground_low : foreground_high);
  if (now == congested_) return;
  congested_ = now;
  callbacks_.congestion_changed();
}

void AttachServer::hold_input(bool hold) {
  if (input_held_ == hold) return;
  input_held_ = hold;
  for (auto& [id, client] : clients_) update(client);
}

void AttachServer::drop(ClientId id) {
  const auto found = clients_.find(id);
  const bool had_sent = found->second.sent_input;
  loop_.forget(found->second.fd);
  clients_.erase(found);
  if (had_sent && !closed_) callbacks_.input_ended(false);
  set_congestion();
  finish_closing();
}

// Who waits for too much is dropped soon anyway; more than fit into one message are.
void AttachServer::hand_over(Handover& handover, std::vector<BorrowedFd>& descriptors) const {
  constexpr size_t most_handed = 200;
  for (const auto& [id, client] : clients_) {
    if (handover.clients.size() == most_handed) return;
    HandedClient handed{client.foreground, client.sent_input, client.input_open, {}};
    for (const auto& packet : client.queue) handed.queue.push_back(base64_encode(packet));
    handover.clients.push_back(std::move(handed));
    handover.descriptors.emplace_back("client");
    descriptors.emplace_back(client.fd);
  }
}

void AttachServer::take_over(const HandedClient& handed, UniqueFd fd) {
  const auto id = next_;
  if (!add(std::move(fd), handed.foreground)) return;
  auto& client = clients_.at(id);
  client.sent_input = handed.sent_input;
  client.input_open = handed.input_open;
  for (const auto& packet : handed.queue) {
    client.queue.push_back(base64_decode(packet).value_or(""));
    client.waiting += client.queue.back().size();
  }
  update(client);
  set_congestion();
}

void AttachServer::close_all(std::function<void()> closed) {
  closed_ = std::move(closed);
  std::vector<ClientId> done;
  for (const auto& [id, client] : clients_) {
    if (client.queue.empty()) done.push_back(id);
  }
  for (const auto id : done) drop(id);
  if (clients_.empty()) return finish_closing();
  loop_.after(closing_limit, [this, last = next_] {
    std::vector<ClientId> slow;
    for (const auto& [id, client] : clients_) {
      if (closed_ && id < last && !client.foreground) slow.push_back(id);
    }
    for (const auto id : slow) drop(id);
  });
}

void AttachServer::finish_closing() {
  if (!closed_ || !clients_.empty()) return;
  loop_.after(std::chrono::milliseconds(0), std::exchange(closed_, {}));
}

}  // namespace gantry::runtime
