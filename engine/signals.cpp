#include "engine/signals.h"

#include "base/text.h"

#include <csignal>
#include <cstring>

namespace gantry::engine {

namespace {

Result<int> parse_realtime(std::string_view text, std::string_view name) {
  const bool from_least = name.rfind("rtmin", 0) == 0;
  const std::string_view rest = name.substr(5);
  if (rest.empty()) return from_least ? SIGRTMIN : SIGRTMAX;
  const auto offset = parse_unsigned("signal", rest.substr(1), static_cast<uint64_t>(SIGRTMAX - SIGRTMIN));
  if (!offset || rest[0] != (from_least ? '+' : '-')) {
    return Error::make(ErrorKind::invalid, "invalid signal: {}", text);
  }
  return from_least ? SIGRTMIN + static_cast<int>(*offset) : SIGRTMAX - static_cast<int>(*offset);
}

}  // namespace

Result<int> parse_signal(std::string_view text) {
  std::string name = to_lower(text);
  if (name.rfind("sig", 0) == 0) name.erase(0, 3);
  if (const auto number = parse_unsigned("signal", name, 64); number && *number > 0) {
    return static_cast<int>(*number);
  }
  if (name.rfind("rtmin", 0) == 0 || name.rfind("rtmax", 0) == 0) return parse_realtime(text, name);
  if (name == "iot") return SIGABRT;
  if (name == "poll") return SIGIO;
  for (int signal = 1; signal < 32; ++signal) {
    const char* abbreviation = sigabbrev_np(signal);
    if (abbreviation != nullptr && equals_ignoring_case(abbreviation, name)) return signal;
  }
  return Error::make(ErrorKind::invalid, "invalid signal: {}", text);
}

}  // namespace gantry::engine
