#pragma once

#include "base/fd.h"
#include "runtime/monitor_log.h"

#include <chrono>

namespace gantry::runtime {

// journald's socket. Source: systemd's "Native Journal Protocol".
class JournalSocket {
 public:
  // Errors: unavailable or not_found when journald doesn't run.
  static Result<JournalSocket> connect(const std::string& path);
  // One record: fields as append_journal_field writes them. One that is larger than a datagram may be goes as
  // a sealed memfd. A journal that is behind is waited for no longer than `patience`.
  // Errors: timeout; system.
  Result<void> send(const std::string& record, std::chrono::milliseconds patience);

 private:
  JournalSocket(std::string path, UniqueFd socket) : path_(std::move(path)), socket_(std::move(socket)) {}
  int try_send(const std::string& record);  // 0 or errno
  int send_as_file(const std::string& record);

  std::string path_;
  UniqueFd socket_;
};

// "NAME\n", the value's length as 64 bits little-endian, the value, "\n": any bytes may be in it.
void append_journal_field(std::string& into, std::string_view name, std::string_view value);

// The log driver journald: MESSAGE, PRIORITY (6 for stdout, 3 for stderr), CONTAINER_PARTIAL_MESSAGE=true for
// a part of a line, and the configuration's own fields. Source: docker's journald driver, conmon's.
// A journal that takes nothing holds up the monitor no longer than 200 ms once; after that records are lost,
// and counted, until it takes one again.
class JournalLog final : public LogSink {
 public:
  explicit JournalLog(LogConfig config);
  Result<void> open() override;
  void append(const LogRecord& record) override;
  void flush() override {}

 private:
  std::string path_;
  std::string fields_;  // those of the configuration, as they are sent
  std::optional<JournalSocket> socket_;
  bool is_behind_ = false;
};

}  // namespace gantry::runtime
