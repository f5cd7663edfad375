#include "engine/watch.h"

#include <array>
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

namespace gantry::engine {

Result<DirectoryWatch> DirectoryWatch::make(const std::string& directory, Interest interest) {
  UniqueFd fd(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!fd) return Error::system(errno, "watch {}", directory);
  uint32_t events = IN_MOVED_TO | IN_DELETE | IN_DELETE_SELF | IN_ONLYDIR;
  if (interest == Interest::written) events |= IN_MODIFY | IN_CREATE;
  if (inotify_add_watch(fd.get(), directory.c_str(), events) < 0) {
    return Error::system(errno, "watch {}", directory);
  }
  return DirectoryWatch(std::move(fd));
}

Result<void> DirectoryWatch::wait(std::chrono::milliseconds limit) const {
  pollfd poll_fd{fd_.get(), POLLIN, 0};
  if (poll(&poll_fd, 1, static_cast<int>(limit.count())) < 0 && errno != EINTR) {
    return Error::system(errno, "wait for a change");
  }
  std::array<char, 4096> events{};
  while (read(fd_.get(), events.data(), events.size()) > 0) {
  }
  return {};
}

}  // namespace gantry::engine
