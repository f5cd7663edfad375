#include "oci/capability.h"

#include <algorithm>

namespace gantry::oci {

std::optional<int> capability_number(std::string_view name) {
  const auto found = std::find(capability_names.begin(), capability_names.end(), name);
  if (found == capability_names.end()) return std::nullopt;
  return static_cast<int>(found - capability_names.begin());
}

}  // namespace gantry::oci
