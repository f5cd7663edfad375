#include "registry/wildcard.h"

namespace gantry::registry {

// Greedy, going back only to the last "*": no pattern takes more than |pattern| * |text| steps.
bool matches_wildcard(std::string_view pattern, std::string_view text, Wildcards wildcards) {
  const bool any_one = wildcards == Wildcards::star_and_question_mark;
  size_t p = 0;
  size_t t = 0;
  auto star = std::string_view::npos;
  size_t after_star = 0;  // where in the text the last "*" has got to
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      after_star = t;
    } else if (p < pattern.size() && (pattern[p] == text[t] || (any_one && pattern[p] == '?'))) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++after_star;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

}  // namespace gantry::registry
