#pragma once

#include "base/result.h"

#include <optional>
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
  std::string_view placeholder;              // "DIR"
  std::string_view help;
  std::string standard;  // the default, for the help
};

// A default that no argument can be, where an empty one means something.
extern const std::string not_given;

// `value` holds the default.
Flag option(std::string_view name, char letter, std::string& value, std::string_view placeholder,
            std::string_view help);
Flag repeated(std::string_view name, char letter, std::vector<std::string>& list,
              std::string_view placeholder, std::string_view help);
Flag toggle(std::string_view name, char letter, bool& given, std::string_view help);

using Arguments = std::vector<std::string>;

// What a command is called with, for its help and its errors.
struct Usage {
  std::string_view name;       // "kill"
  std::string_view arguments;  // "ID [SIGNAL]"
  std::string_view summary;    // one line of the list of commands
  std::string_view details;    // more lines for its own help, or empty
  size_t least = 0;            // how many arguments there may be
  size_t most = 0;
};

// Takes the flags from the front of `arguments` (--name VALUE, --name=VALUE, -n VALUE, a "--" ends them);
// flags after the first other argument belong to the container's program. Errors: "flag provided but not
// defined: -x".
Result<Arguments> parse_flags(const std::vector<Flag>& flags, const Arguments& arguments);

// parse_flags() for a command, which has --help and -h besides, and the check of how many arguments are left.
// Absent: help was asked for, and printed. Errors: say where to find help.
Result<std::optional<Arguments>> read_arguments(const Usage& usage, std::vector<Flag> flags,
                                                const Arguments& arguments);

// "  -b, --bundle DIR   the folder … (default .)", a line for each.
std::string flags_help(const std::vector<Flag>& flags);

}  // namespace gantry::runtime
