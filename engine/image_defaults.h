#pragma once

#include "base/result.h"
#include "engine/record.h"
#include "oci/image_config.h"

namespace gantry::engine {

// Fills in what the image says and the spec doesn't: arguments, environment, user, working folder, stop
// signal, health check, volumes, exposed ports, labels. By docker's rules. Errors: invalid "no command
// specified", and for what in the image breaks a rule.
Result<void> apply_image(ContainerRecord& record, const oci::ContainerConfig& image);

}  // namespace gantry::engine
