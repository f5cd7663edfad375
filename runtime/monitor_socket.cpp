#include "runtime/monitor_socket.h"

#include "base/files.h"

#include <cstring>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace gantry::runtime {

namespace {

Result<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return Error::make(ErrorKind::invalid, "socket path {} is longer than {} bytes", path,
                       sizeof address.sun_path - 1);
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

Result<UniqueFd> make_socket(int type) {
  UniqueFd fd(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
  const int error = errno;
  if (!fd) return Error::system(error, "make a socket");
  return fd;
}

}  // namespace

Result<SocketFolder> SocketFolder::open(const std::string& directory) {
  auto fd = TRY(open_file(directory, O_PATH | O_DIRECTORY));
  return SocketFolder(directory, std::move(fd));
}

std::string SocketFolder::path_of(const std::string& name) const {
  auto plain = join_path(directory_, name);
  if (plain.size() < sizeof(sockaddr_un::sun_path)) return plain;
  return format("/proc/{}/fd/{}/{}", getpid(), fd_.get(), name);
}

Result<UniqueFd> SocketFolder::listen(const std::string& name, int type) const {
  const auto path = path_of(name);
  const auto address = TRY(address_of(path));
  auto fd = TRY(make_socket(type | SOCK_NONBLOCK));
  TRY(remove_file(path));
  const mode_t before = umask(0177);
  const int bound = ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const int error = errno;
  umask(before);
  if (bound != 0) return Error::system(error, "bind {}", join_path(directory_, name));
  if (::listen(fd.get(), 64) != 0) return Error::system(errno, "listen on {}", join_path(directory_, name));
  return fd;
}

Result<UniqueFd> SocketFolder::connect(const std::string& name, int type) const {
  const auto address = TRY(address_of(path_of(name)));
  auto fd = TRY(make_socket(type));
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
  const int error = errno;
  const auto path = join_path(directory_, name);
  if (error == ECONNREFUSED) return Error::make(ErrorKind::unavailable, "nobody listens on {}", path);
  return Error::system(error, "connect to {}", path);
}

}  // namespace gantry::runtime
