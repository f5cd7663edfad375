#pragma once

#include "base/fd.h"
#include "base/result.h"

#include <mutex>
#include <string>

namespace gantry::registry {

// One answered request.
struct AccessRecord {
  std::string time;    // RFC 3339
  std::string remote;  // "127.0.0.1:41234"
  std::string user;    // the access key; empty: none, or none that is good
  std::string method;
  std::string path;  // without the query, which may hold a signature
  std::string kind;  // metrics.h
  int status = 0;
  uint64_t sent_bytes = 0;  // of the answer's body
  double milliseconds = 0;
  std::string user_agent;
};

// A JSON object a line, each written by one write(2) to a file that is appended to. A line that can't be
// written is lost, and the program's log says so once until one can be again. Threads share it.
class AccessLog {
 public:
  static Result<AccessLog> open(const std::string& file);  // "-": stdout
  AccessLog(AccessLog&& other) noexcept : path_(std::move(other.path_)), file_(std::move(other.file_)) {}

  void write(const AccessRecord& record);
  // The path's file anew, after it was moved away.
  Result<void> reopen();

 private:
  AccessLog(std::string path, UniqueFd file) : path_(std::move(path)), file_(std::move(file)) {}
  std::string path_;
  std::mutex mutex_;  // guards what is below
  UniqueFd file_;
  bool failing_ = false;
};

}  // namespace gantry::registry
