#include "runtime/monitor_attach.h"
#include "tests/fuzz/fuzz.h"

#include <array>
#include <sys/socket.h>

// Attached clients that come, go, send, half-close and don't read, in any order; and the monitor that is
// replaced meanwhile. The input is a row of such steps. Each client must get all output since it came.

namespace {

using namespace gantry;
using namespace gantry::runtime;

constexpr size_t most_clients = 6;

struct Client {
  UniqueFd fd;
  std::string expected;  // of output
  std::string got;
  bool ended = false;
};

class Scene {
 public:
  Scene() : loop_(std::make_unique<EventLoop>(fuzz::must(EventLoop::make()))), server_(make_server()) {}

  void step(fuzz::Choices& choices) {
    const auto what = choices.byte();
    const auto which = choices.byte();
    if (what % 9 == 0) return come(which);
    if (what % 9 == 1) return send((size_t{which} + 1) * 97);
    if (what % 9 == 2) return server_->hold_input(which % 2 == 0);
    if (what % 9 == 3) return turn();
    if (what % 9 == 4) return replace();
    if (clients_.empty()) return;
    auto& client = clients_[which % clients_.size()];
    if (what % 9 == 5) read(client);
    if (what % 9 == 6) (void)!::send(client.fd.get(), "input", 5, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (what % 9 == 7) ::shutdown(client.fd.get(), SHUT_WR);
    if (what % 9 == 8) clients_.erase(clients_.begin() + which % static_cast<long>(clients_.size()));
  }

  // The run ends: who is still there gets the rest, and the end.
  void end() {
    bool closed = false;
    server_->close_all([&] { closed = true; });
    for (int turns = 0; !closed; ++turns) {
      turn();
      for (auto& client : clients_) read(client);
      if (turns == 10'000) fuzz::fail("clients that read aren't closed");
    }
    for (auto& client : clients_) {
      while (!client.ended) read(client);
      if (client.got != client.expected) fuzz::fail("a client missed output");
    }
  }

 private:
  std::unique_ptr<AttachServer> make_server() {
    return std::make_unique<AttachServer>(*loop_, AttachServer::Callbacks{.input =
                                                                              [](std::string_view data) {
                                                                                if (data.size() != 5)
                                                                                  fuzz::fail("input was cut");
                                                                              },
                                                                          .input_ended = [](bool) {},
                                                                          .congestion_changed = [] {}});
  }

  void come(uint8_t which) {
    if (clients_.size() == most_clients) return;
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
      fuzz::fail("socketpair");
    server_->take_over({.foreground = which % 4 == 0}, UniqueFd(ends[0]));
    clients_.push_back({UniqueFd(ends[1]), {}, {}, false});
  }

  void send(size_t size) {
    const std::string data(size, static_cast<char>('a' + size % 26));
    server_->send(size % 2 == 0 ? Stream::output : Stream::errors, data);
    for (auto& client : clients_) client.expected += data;
  }

  void read(Client& client) {
    std::array<char, 16384> buffer;
    const ssize_t length = ::recv(client.fd.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    client.ended |= length == 0;  // ECONNRESET comes before the last output, when input was left unread
    if (length <= 0) return;
    if (buffer[0] != 2 && buffer[0] != 3) fuzz::fail("a packet of no stream");
    client.got.append(buffer.data() + 1, static_cast<size_t>(length) - 1);
  }

  void replace() {
    Handover handover;
    std::vector<BorrowedFd> descriptors;
    server_->hand_over(handover, descriptors);
    const auto read_again = fuzz::must(parse_handover(to_json_text(handover), "the stash"));
    std::vector<UniqueFd> kept;
    for (const auto fd : descriptors) kept.push_back(fuzz::must(duplicate(fd)));
    server_.reset();
    loop_ = std::make_unique<EventLoop>(fuzz::must(EventLoop::make()));
    server_ = make_server();
    for (size_t i = 0; i < kept.size(); ++i) server_->take_over(read_again.clients.at(i), std::move(kept[i]));
  }

  void turn() {
    loop_->after(std::chrono::milliseconds(0), [this] { loop_->stop(); });
    loop_->run();
  }

  std::unique_ptr<EventLoop> loop_;
  std::unique_ptr<AttachServer> server_;
  std::vector<Client> clients_;
};

}  // namespace

FUZZ_TARGET(text) {
  fuzz::Choices choices(text.substr(0, 400));
  Scene scene;
  while (!choices.empty()) scene.step(choices);
  scene.end();
}
