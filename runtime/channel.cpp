#include "runtime/channel.h"

#include <cstring>
#include <sys/socket.h>
#include <unistd.h>

namespace gantry::runtime {
namespace {

class Text {
 public:
  Text(char* text, size_t size) : text_(text), left_(size - 1) { *text_ = '\0'; }
  void add(char c) {
    if (left_ == 0) return;
    *text_++ = c;
    *text_ = '\0';
    --left_;
  }
  void add(const char* text) {
    while (*text != '\0') add(*text++);
  }

 private:
  char* text_;
  size_t left_;
};

}  // namespace

void describe_failure(const Failure& failure, char* text, size_t size) {
  Text out(text, size);
  for (const char* c = failure.what; *c != '\0'; ++c) {
    if (c[0] == '%' && c[1] == 's') {
      out.add(failure.on);
      ++c;
    } else {
      out.add(*c);
    }
  }
  if (failure.error == 0) return;
  out.add(": ");
  const char* description = ::strerrordesc_np(failure.error);
  out.add(description != nullptr ? description : "unknown error");
  if (failure.error != ENOSYS) return;
  out.add(" (");
  out.add(least_kernel);
  out.add(")");
}

Result<Channel> Channel::make() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    return Error::system(errno, "make a socket pair");
  }
  return Channel{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

void send_packet(BorrowedFd channel, Message message, int number) {
  Packet packet;
  packet.message = message;
  packet.number = number;
  (void)!::send(channel.get(), &packet, sizeof packet, MSG_NOSIGNAL);
}

void send_failure(BorrowedFd channel, const Failure& failure) {
  Packet packet;
  packet.number = failure.error;
  describe_failure(failure, packet.text, sizeof packet.text);
  (void)!::send(channel.get(), &packet, sizeof packet, MSG_NOSIGNAL);
}

bool wait_for_answer(BorrowedFd channel) {
  char byte = 0;
  for (;;) {
    const ssize_t got = ::recv(channel.get(), &byte, 1, 0);
    if (got < 0 && errno == EINTR) continue;
    return got == 1;
  }
}

Result<std::optional<Packet>> receive_packet(BorrowedFd channel) {
  Packet packet;
  for (;;) {
    const ssize_t got = ::recv(channel.get(), &packet, sizeof packet, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno != ECONNRESET) return Error::system(errno, "receive from the init process");
    if (got != static_cast<ssize_t>(sizeof packet)) return std::optional<Packet>();
    packet.text[sizeof packet.text - 1] = '\0';
    return std::optional<Packet>(packet);
  }
}

Result<void> answer(BorrowedFd channel) {
  if (::send(channel.get(), "g", 1, MSG_NOSIGNAL) == 1) return {};
  return Error::system(errno, "answer the init process");
}

}  // namespace gantry::runtime
