#pragma once

#include "base/result.h"

#include <map>
#include <string>
#include <vector>

namespace gantry::agent {

// Values of variables as the ECS agent writes them. Errors: invalid, naming the variable.
Result<bool> parse_bool(const std::string& name, const std::string& value);  // true, false, 1, 0, t, f
Result<std::vector<std::string>> parse_string_list(const std::string& name, const std::string& json);
Result<std::vector<std::string>> parse_port_list(const std::string& name, const std::string& json);
Result<std::map<std::string, std::string>> parse_string_map(const std::string& name, const std::string& json);

}  // namespace gantry::agent
