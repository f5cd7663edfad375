#pragma once

#include "base/result.h"

#include <string_view>

namespace gantry::runtime {

// Where in a document a value stands, for errors. Views: of strings that outlive it.
struct Place {
  std::string_view source;  // "config.json"
  std::string_view path;    // "$.process"

  // "config.json: $.process.args: RULE" for the member ".args"; an empty `member` is the value itself.
  template <class... Args>
  Error invalid(std::string_view member, fmt::format_string<Args...> rule, Args&&... args) const {
    return error(ErrorKind::invalid, member, format(rule, std::forward<Args>(args)...));
  }
  template <class... Args>
  Error unsupported(std::string_view member, fmt::format_string<Args...> rule, Args&&... args) const {
    return error(ErrorKind::unsupported, member, format(rule, std::forward<Args>(args)...));
  }

 private:
  Error error(ErrorKind kind, std::string_view member, const std::string& rule) const {
    return {kind, format("{}: {}{}: {}", source, path, member, rule)};
  }
};

}  // namespace gantry::runtime
