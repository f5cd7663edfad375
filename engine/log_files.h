#pragma once

#include "base/fd.h"
#include "base/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace gantry::engine {

// PATH.N … PATH.1, PATH: those that exist, oldest first.
std::vector<std::string> log_files(const std::string& path);

// Where in these files the last `lines` lines begin.
struct LogPosition {
  size_t file = 0;
  uint64_t offset = 0;
};
Result<LogPosition> find_tail(const std::vector<std::string>& files, uint64_t lines);

// Cuts a growing file into lines.
class LineReader {
 public:
  explicit LineReader(UniqueFd fd) : fd_(std::move(fd)) {}
  // Absent: no whole line is there (yet).
  Result<std::optional<std::string>> next();
  const UniqueFd& fd() const { return fd_; }

 private:
  UniqueFd fd_;
  std::string buffer_;
  size_t start_ = 0;
};

}  // namespace gantry::engine
