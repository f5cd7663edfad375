#pragma once

#include "base/result.h"

#include <string>

namespace gantry {

struct LogOptions {
  std::string level = "info";  // trace, debug, info, warning, error
  std::string file;            // empty: stderr
  bool json = false;           // one JSON object a line
};

// Sets up spdlog's default logger, the only global of the tree. One line an event: "time level program:
// text", the text being words and key=value pairs: "task started task=… container=web pid=4711 ms=38".
Result<void> set_up_logging(const std::string& program, const LogOptions& options);

// A password, token or key: formats and logs as "***".
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}
  const std::string& reveal() const { return value_; }
  bool empty() const { return value_.empty(); }

 private:
  std::string value_;
};

}  // namespace gantry

template <>
struct fmt::formatter<gantry::Secret> : fmt::formatter<fmt::string_view> {
  template <class Context>
  auto format(const gantry::Secret&, Context& context) const {
    return fmt::formatter<fmt::string_view>::format("***", context);
  }
};
