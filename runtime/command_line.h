#pragma once

#include "base/result.h"

#include <string>
#include <string_view>
#include <vector>

namespace gantry::runtime {

// One flag of a table: `value`, `list` and `given` say what it sets; one of them is there.
struct Flag {
  std::string_view name;  // "bundle"
  char letter = 0;        // 'b', or 0
  std::string* value = nullptr;
  std::vector<std::string>* list = nullptr;  // may be repeated
  bool* given = nullptr;                     // takes no value, or =true and =false
};

using Arguments = std::vector<std::string>;

// Takes the flags from the front of `arguments` (--name VALUE, --name=VALUE, -n VALUE, a "--" ends them);
// flags after the first other argument belong to the container's program. Errors: "flag provided but not
// defined: -x".
Result<Arguments> parse_flags(const std::vector<Flag>& flags, const Arguments& arguments);

// Errors: names the command and how many arguments it wants.
Result<void> expect_arguments(std::string_view command, const Arguments& arguments, size_t least,
                              size_t most);

}  // namespace gantry::runtime
