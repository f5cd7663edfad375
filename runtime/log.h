#pragma once

#include "base/result.h"

#include <string>

namespace gantry::runtime {

enum class LogLevel { error, warning, debug };

// Where the runtime's own words go: --log FILE (appended to; several processes share it) as text or JSON in
// runc's record format, or journald:ID or syslog:ID, and stderr, unless `only`. Set once by main.
struct LogTarget {
  std::string target;  // as --log has it; empty: stderr alone
  bool json = false;
  LogLevel level = LogLevel::warning;  // what is less urgent is not logged
  bool only = false;
};

Result<void> set_log_target(const LogTarget& target);

void log_error(const std::string& text);    // to the target, and to stderr unless `only`
void log_warning(const std::string& text);  // to the target, else to stderr
void log_debug(const std::string& text);    // only with --debug
// A step that may fail without harm to the command: a failure becomes a warning.
void log_result(const Result<void>& result);

}  // namespace gantry::runtime
