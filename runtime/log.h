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

// Without a target all of it goes to stderr, in the same format, but for text, which is for a person there.
void log_error(const std::string& text);    // to the target, and to stderr unless `only`
void log_warning(const std::string& text);  // to the target, else to stderr
// A step that may fail without harm to the command: a failure becomes a warning.
void log_result(const Result<void>& result);

bool logs_debug();
void write_debug(const std::string& text);

// A step that was done, as log_warning; only with --debug is the text made at all.
template <class... Args>
void log_debug(fmt::format_string<Args...> text, Args&&... args) {
  if (logs_debug()) write_debug(format(text, std::forward<Args>(args)...));
}

}  // namespace gantry::runtime
