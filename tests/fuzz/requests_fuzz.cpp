#include "runtime/monitor_control.h"
#include "tests/fuzz/fuzz.h"

#include <array>
#include <sys/socket.h>
#include <utility>
#include <vector>

// Packets on the monitor's control socket; NUL stands between two of them.

namespace {

using namespace gantry;
using namespace gantry::runtime;

struct Asked {
  int stops = 0;
  int resizes = 0;
  int reopens = 0;
  std::vector<UniqueFd> upgrades;  // the connections that wait for an answer
};

class Server {
 public:
  explicit Server(Asked& asked)
      : loop_(fuzz::must(EventLoop::make())),
        control_(loop_, {.stop = [&asked] { ++asked.stops; },
                         .resize = [&asked](uint16_t, uint16_t) -> Result<void> {
                           ++asked.resizes;
                           return Error(ErrorKind::conflict, "the container isn't running");
                         },
                         .reopen_log = [&asked]() -> Result<void> {
                           ++asked.reopens;
                           return {};
                         },
                         .upgrade =
                             [&asked](const std::string&, UniqueFd connection) {
                               asked.upgrades.push_back(std::move(connection));
                             }}) {}

  UniqueFd connect() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
      fuzz::fail("socketpair");
    control_.take_over_answered(UniqueFd(ends[0]), {});
    return UniqueFd(ends[1]);
  }
  // All events that are there now.
  void turn() {
    loop_.after(std::chrono::milliseconds(0), [this] { loop_.stop(); });
    loop_.run();
  }
  void answer(BorrowedFd connection) { control_.answer(connection, {}); }

 private:
  EventLoop loop_;
  ControlServer control_;
};

std::string receive(const UniqueFd& client) {
  std::array<char, 65536> buffer;
  const ssize_t length = ::recv(client.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  return {buffer.data(), length > 0 ? static_cast<size_t>(length) : 0};
}

void ask(Server& server, Asked& asked, const UniqueFd& client, std::string_view packet) {
  const auto waiting = asked.upgrades.size();
  if (packet.empty() || ::send(client.get(), packet.data(), packet.size(), MSG_NOSIGNAL) < 0) return;
  server.turn();
  if (asked.upgrades.size() > waiting) server.answer(asked.upgrades.back());
  const auto answer = receive(client);
  if (answer != "ok" && answer.rfind("error: ", 0) != 0) fuzz::fail("no answer to a request: " + answer);
}

}  // namespace

FUZZ_TARGET(text) {
  Asked asked;
  Server server(asked);
  UniqueFd client = server.connect();
  if (receive(client) != "ok") fuzz::fail("no answer to the one who asked before");
  while (!text.empty()) {
    const auto end = std::min(text.find('\0'), text.size());
    ask(server, asked, client, text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  client.reset();
  server.turn();
  for (const auto& gone : asked.upgrades) server.answer(gone);  // nobody is there any more
}
