#pragma once

#include "base/result.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gantry::builder {

struct FlagName {
  std::string_view name;
  bool is_switch = false;  // may stand without a value
};

// An instruction's --name=value words.
class Flags {
 public:
  bool has(std::string_view name) const;
  // "" when it isn't there. Errors: invalid when it is there twice.
  Result<std::string> take(std::string_view name) const;
  Result<bool> take_switch(std::string_view name) const;
  std::vector<std::string> take_all(std::string_view name) const;

 private:
  friend Result<Flags> take_flags(std::string_view& rest, const std::vector<FlagName>& known, char escape);
  std::vector<std::pair<std::string, std::string>> values_;
};

// Takes the flags off the beginning of `rest`. Errors: unsupported for others than those known; invalid.
Result<Flags> take_flags(std::string_view& rest, const std::vector<FlagName>& known, char escape);

}  // namespace gantry::builder
