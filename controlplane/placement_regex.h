#pragma once

#include "base/result.h"

#include <memory>
#include <string_view>

namespace gantry::controlplane {

// A regular expression of a client, kept in check: PCRE2 with limits on steps and memory, so that no pattern
// can hold up the scheduler.
class PlacementRegex {
 public:
  // Errors: invalid, with PCRE2's message and the place in the pattern.
  static Result<PlacementRegex> compile(std::string_view pattern);

  // Does it match all of `text`, as Java's matches() does? False when the limits are reached.
  bool matches_all(std::string_view text) const;

 private:
  struct Code;
  std::shared_ptr<const Code> code_;
};

}  // namespace gantry::controlplane
