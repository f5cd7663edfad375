#pragma once

#include "base/fd.h"
#include "base/result.h"

#include <string>

// Unix sockets in a folder whose path may be longer than the 107 bytes that sockaddr_un has room for: they
// are reached through /proc/PID/fd/N of an open descriptor of the folder.
namespace gantry::runtime {

// Sockets named in a folder that this process keeps open.
class SocketFolder {
 public:
  static Result<SocketFolder> open(const std::string& directory);
  // A path for `name` that other processes of this pid namespace can connect to while this object lives.
  std::string path_of(const std::string& name) const;
  // Replaces what is there. `type`: SOCK_STREAM or SOCK_SEQPACKET. Non-blocking, mode 0600.
  Result<UniqueFd> listen(const std::string& name, int type) const;
  // Errors: not_found, or unavailable when nobody listens.
  Result<UniqueFd> connect(const std::string& name, int type) const;

 private:
  SocketFolder(std::string directory, UniqueFd fd) : directory_(std::move(directory)), fd_(std::move(fd)) {}
  std::string directory_;
  UniqueFd fd_;
};

}  // namespace gantry::runtime
