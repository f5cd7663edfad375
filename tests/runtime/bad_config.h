#pragma once

#include <string>
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

// A configuration with every member, one of which, at `place`, is of the wrong type: one for each.
struct SpoiltConfig {
  std::string place;
  std::string text;
};
std::vector<SpoiltConfig> spoilt_configs();

}  // namespace gantry::runtime
