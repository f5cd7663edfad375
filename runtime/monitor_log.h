#pragma once

#include "base/fd.h"
#include "base/time.h"
#include "runtime/monitor_files.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace gantry::runtime {

enum class Stream { output = 2, errors = 3 };  // the bytes of the attach protocol

// Writes the container's output as docker's json-file log: one JSON object a line of output, lines longer
// than 16 KiB in parts, bytes that aren't UTF-8 as U+FFFD. A disk that is full costs lines, which are
// counted, and nothing else.
class LogWriter {
 public:
  explicit LogWriter(LogConfig config) : config_(std::move(config)) {}

  // Errors: the file can't be opened. With driver none nothing is opened or written.
  Result<void> open();
  void write(Stream stream, std::string_view data, TimePoint now);
  // What waits for its newline is written without it. At the end of a run.
  void flush(TimePoint now);
  uint64_t lost_lines() const { return lost_lines_; }

 private:
  void append_line(Stream stream, std::string_view line, const std::string& time);
  void write_batch();
  void rotate();

  LogConfig config_;
  UniqueFd file_;
  uint64_t size_ = 0;       // of the current file
  std::string waiting_[2];  // by stream: begun lines
  std::string batch_;       // whole log lines that go out in one write
  uint64_t batch_lines_ = 0;
  uint64_t lost_lines_ = 0;
};

// `text` as a JSON string with its quotes.
void append_json_string(std::string& into, std::string_view text);

}  // namespace gantry::runtime
