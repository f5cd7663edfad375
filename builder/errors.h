#pragma once

#include "base/result.h"

#include <string_view>

namespace gantry::builder {

inline Error broken_rule(std::string_view rule) {
  return {ErrorKind::invalid, std::string(rule)};
}

// "SOURCE:LINE: RULE".
inline Error error_at(std::string_view source, int line, ErrorKind kind, std::string_view rule) {
  return Error::make(kind, "{}:{}: {}", source, line, rule);
}

}  // namespace gantry::builder
