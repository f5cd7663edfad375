#pragma once

#include "base/fd.h"
#include "runtime/monitor_log.h"

namespace gantry::runtime {

// A log on disk, one line a record. When a record would make the file longer than the maximum, the file
// becomes PATH.1, the one before it PATH.2, and so on, and a new one is begun: no record is split between two
// files. With one file only, that one is begun anew. A disk that is full or fails costs whole records.
class LogFile final : public LogSink {
 public:
  using Format = void (*)(std::string& into, const LogRecord& record);

  LogFile(LogConfig config, Format format) : config_(std::move(config)), format_(format) {}

  Result<void> open() override;
  void append(const LogRecord& record) override;
  void flush() override;

 private:
  Result<void> drop_torn_end();
  void begin_file();
  void move_older_files();
  std::string older(uint32_t number) const;

  LogConfig config_;
  Format format_;
  UniqueFd file_;
  uint64_t size_ = 0;      // of the current file, whole records only
  bool has_rest_ = false;  // beyond size_ there is a part of a record that couldn't be cut off yet
  std::string batch_;      // whole lines that go out in one write
  uint64_t batch_records_ = 0;
};

}  // namespace gantry::runtime
