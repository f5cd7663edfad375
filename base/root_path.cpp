#include "base/root_path.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace gantry {

UniqueFd open_resolved(BorrowedFd folder, const char* path, int flags, uint64_t resolve, mode_t mode) {
  constexpr int most_attempts = 128;
  open_how how{};
  how.flags = static_cast<uint64_t>(flags | O_CLOEXEC);
  how.mode = mode;
  how.resolve = resolve;
  for (int attempt = 1;; ++attempt) {
    const long fd = ::syscall(SYS_openat2, folder.get(), path, &how, sizeof how);
    if (fd >= 0 || errno != EAGAIN || attempt == most_attempts) return UniqueFd(static_cast<int>(fd));
  }
}

Result<UniqueFd> open_in_root(BorrowedFd root, const std::string& path, int flags, mode_t mode) {
  const char* name = path.empty() ? "." : path.c_str();
  UniqueFd fd = open_resolved(root, name, flags, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS, mode);
  if (fd) return fd;
  const int error = errno;
  if (error == ENOSYS)
    return Error(ErrorKind::unsupported, "this kernel has no openat2: Linux 5.6 is needed");
  return Error::system(error, "open {}", path.empty() ? "/" : path);
}

}  // namespace gantry
