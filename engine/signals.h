#pragma once

#include "base/result.h"

#include <string>
#include <string_view>

namespace gantry::engine {

// "TERM", "SIGTERM", "sigterm", "15", "RTMIN+3". Errors: invalid. signal(7).
Result<int> parse_signal(std::string_view text);

}  // namespace gantry::engine
