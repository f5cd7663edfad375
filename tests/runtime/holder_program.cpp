// The program of containers that are checkpointed: static, so that it runs in any root. It takes hold of what
// its arguments name, then counts in /data/count for as long as it still has all of it; else it writes there
// what it lost, and goes on.
//
//   tcp        both ends of a connection on the loopback device, which it brings up
//   waiting    a listening socket with a connection that nobody accepts
//   lock       /tmp/lock, by flock(2)
//   unlinked   /tmp/unlinked, whose other name /tmp/linked stays
//   unix       a datagram socket connected to /data/socket, which gets each count
//   memory     4 MiB, of which one page is written to each time

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <vector>

namespace {

int check(int result, const char* what) {
  if (result >= 0) return result;
  std::perror(what);
  std::exit(1);
}

void bring_loopback_up() {
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  const int fd = check(::socket(AF_INET, SOCK_DGRAM, 0), "socket");
  check(::ioctl(fd, SIOCGIFFLAGS, &request), "SIOCGIFFLAGS");
  request.ifr_flags |= IFF_UP;
  check(::ioctl(fd, SIOCSIFFLAGS, &request), "SIOCSIFFLAGS");
  ::close(fd);
}

sockaddr_in loopback_address(in_port_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int listen_at(in_port_t port) {
  const auto address = loopback_address(port);
  const int fd = check(::socket(AF_INET, SOCK_STREAM, 0), "socket");
  check(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), "bind");
  check(::listen(fd, 8), "listen");
  return fd;
}

int connect_to(in_port_t port) {
  const auto address = loopback_address(port);
  const int fd = check(::socket(AF_INET, SOCK_STREAM, 0), "socket");
  check(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), "connect");
  return fd;
}

struct Held {
  int client = -1;
  int server = -1;
  int locked = -1;
  int unlinked = -1;
  int unix_socket = -1;
  std::vector<char> memory;
};

void take_unlinked(Held& held) {
  held.unlinked = check(::open("/tmp/unlinked", O_RDWR | O_CREAT | O_TRUNC, 0600), "open");
  check(static_cast<int>(::write(held.unlinked, "kept", 4)), "write");
  check(::link("/tmp/unlinked", "/tmp/linked"), "link");
  check(::unlink("/tmp/unlinked"), "unlink");
}

void take_unix(Held& held) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, "/data/socket");
  held.unix_socket = check(::socket(AF_UNIX, SOCK_DGRAM, 0), "socket");
  check(::connect(held.unix_socket, reinterpret_cast<const sockaddr*>(&address), sizeof address), "connect");
}

void take(const std::string& what, Held& held) {
  if (what == "tcp") {
    bring_loopback_up();
    const int listener = listen_at(7001);
    held.client = connect_to(7001);
    held.server = check(::accept(listener, nullptr, nullptr), "accept");
    ::close(listener);
  }
  if (what == "waiting") {
    bring_loopback_up();
    listen_at(7002);
    ::close(connect_to(7002));
  }
  if (what == "lock") {
    held.locked = check(::open("/tmp/lock", O_RDWR | O_CREAT, 0600), "open");
    check(::flock(held.locked, LOCK_EX), "flock");
  }
  if (what == "unlinked") take_unlinked(held);
  if (what == "unix") take_unix(held);
  if (what == "memory") held.memory.assign(4 << 20, 'x');
}

// What was lost, or nullptr.
const char* lost(Held& held, unsigned count) {
  char text[5] = {};
  if (held.client >= 0 && ::send(held.client, "x", 1, MSG_NOSIGNAL) != 1) return "tcp";
  if (held.server >= 0 && ::recv(held.server, text, 1, 0) != 1) return "tcp";
  if (held.unlinked >= 0 && (::pread(held.unlinked, text, 4, 0) != 4 || std::strcmp(text, "kept") != 0))
    return "unlinked";
  if (held.unix_socket >= 0 && ::send(held.unix_socket, &count, sizeof count, MSG_NOSIGNAL) < 0)
    return "unix";
  for (const char byte : held.memory) {
    if (byte != 'x') return "memory";
  }
  if (!held.memory.empty()) held.memory[(count * 4096) % held.memory.size()] = 'x';
  return nullptr;
}

void report(unsigned count, const char* what) {
  char text[64];
  const int length = what == nullptr ? std::snprintf(text, sizeof text, "%u\n", count)
                                     : std::snprintf(text, sizeof text, "lost %s\n", what);
  const int fd = check(::open("/data/count.new", O_WRONLY | O_CREAT | O_TRUNC, 0644), "open");
  check(static_cast<int>(::write(fd, text, static_cast<size_t>(length))), "write");
  ::close(fd);
  check(::rename("/data/count.new", "/data/count"), "rename");
}

}  // namespace

int main(int count_of_arguments, char** arguments) {
  Held held;
  for (int i = 1; i < count_of_arguments; ++i) take(arguments[i], held);
  for (unsigned count = 1;; ++count) {
    report(count, lost(held, count));
    ::usleep(20000);
  }
}
