#pragma once

#include "builder/dockerfile.h"

namespace gantry::builder {

// "type=cache,target=/root/.cache" of RUN --mount. Errors: invalid; unsupported for types and keys that
// aren't, by name. Variables in it are still to be expanded.
Result<RunMount> parse_run_mount(std::string_view text);

}  // namespace gantry::builder
