#pragma once

#include "base/result.h"

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <sys/stat.h>

namespace gantry::builder {

// The digests of a context's files from one build to the next, so that a file is read only once it has
// changed: known by device, inode, size and its times of change, of which ctime can't be set back. A file
// that changed less than two seconds ago isn't kept: it could change once more in the same tick of the clock.
// From any thread.
class FileDigests {
 public:
  // `file` keeps them; one that isn't there, or isn't ours, is empty.
  static FileDigests load(std::string file);
  FileDigests(FileDigests&& other) noexcept;

  std::optional<std::string> find(const struct stat& info);
  void add(const struct stat& info, const std::string& digest);
  // Writes those that this build has asked for, if there is a new one among them.
  Result<void> save();

 private:
  using Identity = std::array<uint64_t, 7>;
  struct Known {
    std::string digest;
    bool asked = false;
  };
  explicit FileDigests(std::string file) : file_(std::move(file)) {}
  static Identity identity(const struct stat& info);
  void read(const std::string& text);

  std::string file_;
  std::mutex mutex_;
  std::map<Identity, Known> known_;
  bool changed_ = false;
};

}  // namespace gantry::builder
