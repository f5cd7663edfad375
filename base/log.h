#pragma once

#include "base/result.h"

#include <algorithm>
#include <fmt/core.h>
#include <string>
#include <string_view>

namespace gantry {

struct LogOptions {
  std::string level = "info";  // trace, debug, info, warning, error
  std::string file;            // empty: stderr
  bool json = false;           // one JSON object a line
};

// Sets up the process's log, the only global of the tree. One line an event: "time level program: text", the
// text being words and key=value pairs: "task started task=… container=web pid=4711 ms=38". Without this call
// the log goes to stderr, from level info on.
Result<void> set_up_logging(const std::string& program, const LogOptions& options);

// Writing to it, from any thread: log::info("task started task={} ms={}", arn, ms). Only log.cpp sees spdlog,
// which takes seconds to compile.
namespace log {

enum class Level { debug, info, warning, error };

bool enabled(Level level);
void write(Level level, std::string_view text);

template <class... Args>
void at(Level level, fmt::string_view text, const Args&... args) {
  if (enabled(level)) write(level, fmt::vformat(text, fmt::make_format_args(args...)));
}
template <class... Args>
void debug(fmt::format_string<Args...> text, Args&&... args) {
  at(Level::debug, text, args...);
}
template <class... Args>
void info(fmt::format_string<Args...> text, Args&&... args) {
  at(Level::info, text, args...);
}
template <class... Args>
void warning(fmt::format_string<Args...> text, Args&&... args) {
  at(Level::warning, text, args...);
}
template <class... Args>
void error(fmt::format_string<Args...> text, Args&&... args) {
  at(Level::error, text, args...);
}

}  // namespace log

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
struct fmt::formatter<gantry::Secret> {
  constexpr auto parse(fmt::format_parse_context& context) { return context.begin(); }
  template <class Context>
  auto format(const gantry::Secret&, Context& context) const {
    return std::fill_n(context.out(), 3, '*');
  }
};
