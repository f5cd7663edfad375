#pragma once

#include "oci/runtime_config.h"

namespace gantry::runtime {

// The rules between members of config.json, and all that this runtime can't honour, refused by name, before
// anything is done. Errors: invalid with runc's texts, unsupported.
Result<void> check_config(const oci::RuntimeConfig& config, const std::string& source);

}  // namespace gantry::runtime
