#pragma once

#include <fmt/core.h>
#include <string>
#include <string_view>
#include <utility>

namespace gantry {

// fmt::format, as an object: an unqualified call with std::string arguments would find C++20's std::format
// too. Source: https://fmt.dev/9.1.0/syntax.html.
struct Format {
  template <class... Args>
  std::string operator()(fmt::format_string<Args...> text, Args&&... args) const {
    return fmt::format(text, std::forward<Args>(args)...);
  }
};
inline constexpr Format format;

}  // namespace gantry
