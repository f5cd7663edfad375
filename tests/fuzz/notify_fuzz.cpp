#include "base/process.h"
#include "runtime/notify.h"
#include "tests/fuzz/fuzz.h"

#include <array>
#include <cstdlib>
#include <cstring>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

// What a container's program says by sd_notify(3). The service manager must hear nothing but READY=1 and our
// word on the main process.

namespace {

using namespace gantry;
using namespace gantry::runtime;

UniqueFd datagram_socket(const std::string& path, bool bind_it) {
  UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) fuzz::fail("too long a $TMPDIR");
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const auto* plain = reinterpret_cast<const sockaddr*>(&address);
  const int done =
      bind_it ? ::bind(fd.get(), plain, sizeof address) : ::connect(fd.get(), plain, sizeof address);
  if (done != 0) fuzz::fail("socket " + path);
  return fd;
}

struct Scene {
  std::string manager_path = join_path(fuzz::folder(), "manager.sock");
  UniqueFd manager = datagram_socket(manager_path, true);
  ContainerFolder container = fuzz::must(ContainerFolder::claim(join_path(fuzz::folder(), "root"), "c"));
  NotifyRelay relay;
  UniqueFd program;

  Scene() : relay(listen()), program(datagram_socket(container.file("notify/notify.sock"), false)) {}

  NotifyRelay listen() {
    ::setenv("NOTIFY_SOCKET", manager_path.c_str(), 1);
    fuzz::must(make_directories(container.file("notify")));
    return std::move(fuzz::must(NotifyRelay::listen(container)).value());
  }
};

}  // namespace

FUZZ_TARGET(text) {
  static const Scene scene;
  if (::send(scene.program.get(), text.data(), text.size(), MSG_NOSIGNAL) < 0)
    return;  // longer than a datagram
  const bool passed = fuzz::must(scene.relay.pass_on(4711));
  std::array<char, 65536> buffer;
  const ssize_t length = ::recv(scene.manager.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (passed != (length > 0)) fuzz::fail("the manager heard something else than was told");
  const std::string_view heard(buffer.data(), length > 0 ? static_cast<size_t>(length) : 0);
  if (passed && heard != "READY=1\nMAINPID=4711\n") fuzz::fail("the manager heard: " + std::string(heard));
  if (passed && text.find("READY=1") == std::string_view::npos) fuzz::fail("ready, though nobody said so");
}
