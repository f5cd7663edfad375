#pragma once

#include "base/result.h"
#include "base/time.h"
#include "runtime/monitor_files.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace gantry::runtime {

enum class Stream { output = 2, errors = 3 };  // the bytes of the attach protocol

// A line of the container's output, or, when it is longer than 16 KiB, a part of one.
struct LogRecord {
  Stream stream = Stream::output;
  std::string_view text;  // without its newline
  bool is_part = false;   // no newline came after it: more of the line follows, or the run ended
  TimePoint time;
};

// Where records go. What can't be written is counted and forgotten: it must not hold up the container.
class LogSink {
 public:
  virtual ~LogSink() = default;
  // Begins, or begins anew after another took the file away.
  virtual Result<void> open() = 0;
  virtual void append(const LogRecord& record) = 0;
  // What was appended is on its way to disk, or counted as lost.
  virtual void flush() = 0;
  uint64_t lost() const { return lost_; }

 protected:
  void lose(uint64_t records) { lost_ += records; }

 private:
  uint64_t lost_ = 0;
};

// Cuts the container's output into records for the sink of its log driver.
class LogWriter {
 public:
  // What must not be lost when the monitor is replaced.
  struct Progress {
    std::string begun[2];  // lines without their newline yet: of stdout, of stderr
    uint64_t lost_before = 0;
  };

  explicit LogWriter(LogConfig config);
  LogWriter(LogWriter&&) noexcept = default;
  LogWriter& operator=(LogWriter&&) noexcept = default;
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;
  ~LogWriter() = default;

  // Errors: the file can't be opened; journald doesn't run. With driver none nothing is opened or written.
  Result<void> open();
  void write(Stream stream, std::string_view data, TimePoint now);
  // What waits for its newline is written without it. At the end of a run.
  void flush(TimePoint now);
  uint64_t lost_lines() const;

  Progress progress() const;
  void resume(Progress progress);

 private:
  void write_whole_parts(Stream stream, TimePoint now);

  std::unique_ptr<LogSink> sink_;  // empty: driver none
  std::string begun_[2];           // by stream
  uint64_t lost_before_ = 0;
};

// A log's line of each format, with its newline. Sources: moby's jsonlog package; Kubernetes'
// kubelet-cri-logging design ("2016-10-06T00:17:09.669794202Z stdout F text").
void append_json_line(std::string& into, const LogRecord& record);  // bytes that aren't UTF-8 as U+FFFD
void append_cri_line(std::string& into, const LogRecord& record);   // bytes as they are

// `text` as a JSON string with its quotes.
void append_json_string(std::string& into, std::string_view text);

}  // namespace gantry::runtime
