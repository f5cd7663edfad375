#pragma once

#include "base/result.h"

#include <string>

namespace gantry::runtime {

// A number (0 asks whether it is there), or a name with or without SIG in any case ("kill", "SIGTERM",
// "RTMIN+1"). Errors: unknown signal "FOO".
Result<int> parse_signal(const std::string& text);

}  // namespace gantry::runtime
