#pragma once

#include "base/result.h"

#include <string>

namespace gantry::runtime {

// Where the runtime's own words go: --log FILE (appended to; several processes share it) as text or JSON in
// runc's record format, and stderr, unless `only`. Set once by main.
struct LogTarget {
  std::string file;
  bool json = false;
  bool debug = false;
  bool only = false;
};

Result<void> set_log_target(const LogTarget& target);

void log_error(const std::string& text);    // to the file, and to stderr unless `only`
void log_warning(const std::string& text);  // to the file, else to stderr
void log_debug(const std::string& text);    // only with --debug
// A step that may fail without harm to the command: a failure becomes a warning.
void log_result(const Result<void>& result);

}  // namespace gantry::runtime
