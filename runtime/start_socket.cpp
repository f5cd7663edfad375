#include "runtime/start_socket.h"

#include <cstring>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

namespace gantry::runtime {
namespace {

// By the folder's descriptor, since a socket's address holds 107 bytes.
sockaddr_un address_in(const ContainerFolder& folder) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = format("/proc/self/fd/{}/start.sock", folder.fd().get());
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

Result<UniqueFd> make_socket() {
  UniqueFd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (!socket) return Error::system(errno, "make a socket");
  return socket;
}

}  // namespace

Result<UniqueFd> listen_for_start(const ContainerFolder& folder) {
  UniqueFd socket = TRY(make_socket());
  const sockaddr_un address = address_in(folder);
  const mode_t before = ::umask(0177);
  const int bound = ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const int error = errno;
  ::umask(before);
  if (bound != 0) return Error::system(error, "bind {}", folder.file("start.sock"));
  if (::listen(socket.get(), 1) != 0) return Error::system(errno, "listen on {}", folder.file("start.sock"));
  return socket;
}

Result<UniqueFd> connect_for_start(const ContainerFolder& folder) {
  UniqueFd socket = TRY(make_socket());
  const sockaddr_un address = address_in(folder);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return Error::system(errno, "connect to {}", folder.file("start.sock"));
  }
  return socket;
}

}  // namespace gantry::runtime
