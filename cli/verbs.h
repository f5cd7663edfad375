#pragma once

#include "cli/session.h"

#include <optional>
#include <string>
#include <vector>

namespace gantry::cli {

// What the words after the global flags begin with.
struct Found {
  std::optional<VerbEntry> verb;  // none: a group ("image") alone, or nothing known
  std::string name;               // as it was given: "image ls"; a group's; or what isn't known
  bool group = false;
  std::vector<std::string> arguments;  // the words after the name
};

Found find_verb(const std::vector<std::string>& words);

// "gantry image ls", its summary and all its names.
Title title_of(const VerbEntry& verb, const std::string& name);

// "Commands:" and a line for each; of a group only its own.
std::string commands_help(const std::string& group = {});
// What `gantry image` is for: "Manage images". Empty: not a group.
std::string group_summary(const std::string& name);

}  // namespace gantry::cli
