#pragma once

#include "base/fd.h"
#include "base/result.h"

#include <chrono>
#include <string>

namespace gantry::engine {

// Wakes up when files of a container's folder change. inotify(7).
class DirectoryWatch {
 public:
  enum class Interest { replaced /* files renamed into place, removed */, written /* and files growing */ };
  // Errors: not_found.
  static Result<DirectoryWatch> make(const std::string& directory, Interest interest);

  // Returns when something has changed since the last call, or after `limit`. What it was, the caller looks
  // up.
  Result<void> wait(std::chrono::milliseconds limit) const;

 private:
  explicit DirectoryWatch(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace gantry::engine
