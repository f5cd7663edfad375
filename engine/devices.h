#pragma once

#include "base/result.h"
#include "engine/container_spec.h"
#include "oci/runtime_config.h"

#include <vector>

namespace gantry::engine {

// Gives the configuration a device of the host: the node and the rule of the cgroup that allows it.
// Errors: not_found, invalid when it is no device.
Result<void> add_device(oci::Linux& config, const DeviceSpec& device);

// All devices of the host's /dev, and the rule that allows everything: for a privileged container.
Result<void> add_all_devices(oci::Linux& config);

// Docker's rules: nothing but making nodes, null, zero, full, random, urandom, tty, console, ptmx and pts.
std::vector<oci::DeviceRule> default_device_rules();

}  // namespace gantry::engine
