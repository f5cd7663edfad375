#pragma once

#include <fmt/core.h>
#include <string>
#include <string_view>

namespace gantry {

// Source: https://fmt.dev/9.1.0/syntax.html.
using fmt::format;

}  // namespace gantry
