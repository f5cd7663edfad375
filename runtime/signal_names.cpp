#include "runtime/signal_names.h"

#include "base/text.h"

#include <csignal>
#include <cstring>

namespace gantry::runtime {

Result<int> parse_signal(const std::string& text) {
  if (const auto number = parse_unsigned("signal", text, 64); number) {
    return static_cast<int>(*number);
  }
  std::string name = text;
  if (starts_with_ignoring_case(name, "SIG")) name = name.substr(3);
  for (int number = 1; number < 32; ++number) {
    const char* known = ::sigabbrev_np(number);
    if (known != nullptr && equals_ignoring_case(name, known)) return number;
  }
  if (equals_ignoring_case(name, "CLD")) return SIGCHLD;
  if (equals_ignoring_case(name, "IOT")) return SIGABRT;
  if (starts_with_ignoring_case(name, "RTMIN")) {
    const auto offset = name.size() == 5 ? Result<uint64_t>(0) : parse_unsigned("signal", name.substr(6), 30);
    if (offset && (name.size() == 5 || name[5] == '+')) return SIGRTMIN + static_cast<int>(*offset);
  }
  return Error::make(ErrorKind::invalid, "unknown signal \"{}\"", text);
}

}  // namespace gantry::runtime
