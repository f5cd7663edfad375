#pragma once

#include "base/fd.h"

#include <chrono>
#include <optional>
#include <string>

namespace gantry {

enum class LockMode { shared, exclusive };

// An advisory lock on a file that is made if missing (0600), held until destroyed; the kernel drops it when
// the process dies. flock(2).
class FileLock {
 public:
  // Waits as long as `limit`. Errors: timeout, naming the file.
  static Result<FileLock> acquire(const std::string& path, LockMode mode = LockMode::exclusive,
                                  std::chrono::milliseconds limit = std::chrono::seconds(60));
  // Empty when another holds it.
  static Result<std::optional<FileLock>> try_acquire(const std::string& path,
                                                     LockMode mode = LockMode::exclusive);

  // A lock that another process, or an earlier program of this one, holds by the same open file.
  static FileLock inherit(UniqueFd fd) { return FileLock(std::move(fd)); }
  BorrowedFd descriptor() const { return fd_; }

 private:
  explicit FileLock(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace gantry
