#pragma once

#include "engine/engine.h"

namespace gantry::engine {

// Fills in the paths of the programs that the options leave empty. Errors: not_found, naming what was tried.
Result<void> find_programs(EngineOptions& options);

}  // namespace gantry::engine
