#include "base/lock.h"

#include "base/files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <thread>

namespace gantry {
namespace {

Result<bool> try_lock(BorrowedFd fd, LockMode mode, const std::string& path) {
  const int operation = (mode == LockMode::shared ? LOCK_SH : LOCK_EX) | LOCK_NB;
  while (::flock(fd.get(), operation) != 0) {
    if (errno == EWOULDBLOCK) return false;
    if (errno != EINTR) return Error::system(errno, "lock {}", path);
  }
  return true;
}

}  // namespace

Result<std::optional<FileLock>> FileLock::try_acquire(const std::string& path, LockMode mode) {
  UniqueFd fd = TRY(open_file(path, O_RDWR | O_CREAT, 0600));
  if (!TRY(try_lock(fd, mode, path))) return std::optional<FileLock>();
  return std::optional<FileLock>(FileLock(std::move(fd)));
}

Result<FileLock> FileLock::acquire(const std::string& path, LockMode mode, std::chrono::milliseconds limit) {
  UniqueFd fd = TRY(open_file(path, O_RDWR | O_CREAT, 0600));
  // flock(2) has no deadline, and a signal-based one isn't for a library: poll, quickly at first.
  const auto deadline = std::chrono::steady_clock::now() + limit;
  auto pause = std::chrono::microseconds(100);
  while (!TRY(try_lock(fd, mode, path))) {
    if (std::chrono::steady_clock::now() >= deadline) {
      return Error::make(ErrorKind::timeout, "lock {}: still held by another process after {} ms", path,
                         limit.count());
    }
    std::this_thread::sleep_for(pause);
    pause = std::min<std::chrono::microseconds>(pause * 2, std::chrono::milliseconds(20));
  }
  return FileLock(std::move(fd));
}

}  // namespace gantry
