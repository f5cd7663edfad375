#include "runtime/notify.h"

#include "base/fd_passing.h"
#include "base/files.h"
#include "base/text.h"
#include "runtime/heap.h"

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace gantry::runtime {
namespace {

constexpr const char* notify_folder = "notify";
constexpr const char* notify_socket = "notify/notify.sock";
constexpr int barrier_ms = 30'000;

const char* receiver() {
  const char* path = ::getenv("NOTIFY_SOCKET");
  return path == nullptr || *path == '\0' ? nullptr : path;
}

struct NotifyAddress {
  sockaddr_un address{};
  socklen_t size = 0;
};

// A path, or the name of an abstract socket behind an @. sd_notify(3), unix(7).
Result<NotifyAddress> receiver_address() {
  const std::string path = receiver();
  NotifyAddress made;
  made.address.sun_family = AF_UNIX;
  if ((path[0] != '/' && path[0] != '@') || path.size() >= sizeof made.address.sun_path) {
    return Error::make(
        ErrorKind::invalid,
        "NOTIFY_SOCKET must be an absolute path or @ and a name, of less than {} bytes, found \"{}\"",
        sizeof made.address.sun_path, path);
  }
  std::memcpy(made.address.sun_path, path.data(), path.size());
  if (path[0] == '@') made.address.sun_path[0] = '\0';
  made.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  return made;
}

Result<UniqueFd> make_datagram_socket() {
  UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket) return Error::system(errno, "make a socket");
  return socket;
}

Result<void> send_to_receiver(const std::string& text, std::span<const BorrowedFd> passed = {}) {
  const NotifyAddress to = TRY(receiver_address());
  const UniqueFd socket = TRY(make_datagram_socket());
  const auto* address = reinterpret_cast<const sockaddr*>(&to.address);
  if (send_with_fds(socket, text, passed, address, to.size) >= 0) return {};
  return Error::system(errno, "NOTIFY_SOCKET: send to {}", receiver());
}

// The receiver closes the pipe once it has read what came before: who has left by then may be unknown to it.
Result<void> await_receiver() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return Error::system(errno, "make a pipe");
  const UniqueFd kept(ends[0]);
  UniqueFd passed(ends[1]);
  const BorrowedFd end = passed;
  TRY(send_to_receiver("BARRIER=1", {&end, 1}));
  passed.reset();
  pollfd wait{kept.get(), 0, 0};
  while (::poll(&wait, 1, barrier_ms) < 0 && errno == EINTR) continue;
  return {};
}

bool says_ready(std::string_view message) {
  const auto lines = split(message, '\n');
  for (const auto& line : lines) {
    if (line == "READY=1") return true;
  }
  return false;
}

}  // namespace

const char* const notify_variable = "NOTIFY_SOCKET=/run/notify/notify.sock";

bool wants_notifications() {
  return receiver() != nullptr;
}

Result<MountPlan> plan_notify_mount(const ContainerFolder& folder, const MountContext& context) {
  TRY(receiver_address());
  // The container's root may be another user than we: what it needs is the socket, which all may write to.
  if (::mkdirat(folder.fd().get(), notify_folder, 0755) != 0 ||
      ::fchmodat(folder.fd().get(), notify_folder, 0755, 0) != 0) {
    return Error::system(errno, "make {}", folder.file(notify_folder));
  }
  oci::Mount mount;
  mount.destination = "/run/notify";
  mount.type = "bind";
  mount.source = folder.file(notify_folder);
  mount.options = {"bind", "ro", "nosuid", "nodev", "noexec"};
  return plan_mount(mount, context);
}

Result<std::optional<NotifyRelay>> NotifyRelay::listen(const ContainerFolder& folder) {
  if (receiver() == nullptr || !path_exists(folder.file(notify_folder))) return std::optional<NotifyRelay>();
  UniqueFd socket = TRY(make_datagram_socket());
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  // By the folder's descriptor, since a socket's address holds 107 bytes.
  const std::string path = format("/proc/self/fd/{}/{}", folder.fd().get(), notify_socket);
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  (void)::unlink(path.c_str());
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::chmod(path.c_str(), 0777) != 0) {
    return Error::system(errno, "bind {}", folder.file(notify_socket));
  }
  return std::optional<NotifyRelay>(NotifyRelay(std::move(socket)));
}

Result<bool> NotifyRelay::pass_on(pid_t main_pid) const {
  char buffer[4096];  // as systemd has it, NOTIFY_BUFFER_MAX
  const ssize_t got = ::recv(socket_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (got < 0) return Error::system(errno, "read a notification");
  if (!says_ready(std::string_view(buffer, static_cast<size_t>(got)))) return false;
  TRY(send_to_receiver(format("READY=1\nMAINPID={}\n", main_pid)));
  return true;
}

Result<void> NotifyRelay::await_ready(const UniqueFd& pidfd, pid_t main_pid) const {
  set_frees_memory(true);  // the container decides how long this takes, and how much it sends meanwhile
  for (;;) {
    pollfd waits[2] = {{socket_.get(), POLLIN, 0}, {pidfd.get(), POLLIN, 0}};
    if (::poll(waits, 2, -1) < 0) {
      if (errno == EINTR) continue;
      return Error::system(errno, "wait for a notification");
    }
    if (waits[0].revents != 0) {
      if (TRY(pass_on(main_pid))) return await_receiver();
    } else if (waits[1].revents != 0) {
      return {};
    }
  }
}

}  // namespace gantry::runtime
