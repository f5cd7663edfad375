#pragma once

#include <vector>

namespace gantry::runtime {

// One broken configuration: `value` (JSON; null: the member is taken out) at `place`, and what is said of it.
struct BadConfig {
  const char* place;
  const char* value;
  const char* words;
  const char* error_place;  // null: `place`
};
std::vector<BadConfig> bad_config_rows();

// A member and what it holds: 's' a string, 'b' a bool, 'n' a number of up to 32 bits, 'l' a longer one, 'o'
// an object, 'a' an array.
struct TypedMember {
  const char* place;
  char kind;
};
std::vector<TypedMember> typed_members();

}  // namespace gantry::runtime
