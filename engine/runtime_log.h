#pragma once

#include "base/result.h"

#include <string>
#include <string_view>

namespace gantry::engine {

// A line of the runtime's --log with --log-format json.
struct LogRecord {
  std::string level;
  std::string message;
};

Result<LogRecord> parse_log_record(std::string_view line);

}  // namespace gantry::engine
