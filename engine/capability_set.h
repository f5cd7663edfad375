#pragma once

#include "base/result.h"

#include <string>
#include <vector>

namespace gantry::engine {

// "CAP_CHOWN" for "chown", "CHOWN", "cap_chown". Errors: invalid for a name that capabilities(7) doesn't
// have.
Result<std::string> capability_name(const std::string& text);

// Docker's default fourteen, changed by what is added and dropped (ALL allowed in both), or all that we have
// ourselves when `privileged`.
Result<std::vector<std::string>> capability_set(const std::vector<std::string>& added,
                                                const std::vector<std::string>& dropped, bool privileged);

}  // namespace gantry::engine
