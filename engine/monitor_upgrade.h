#pragma once

#include "engine/engine.h"

#include <string>

namespace gantry::engine {

// Lets a container's monitor become the engine's own gantry-monitor (EngineOptions::monitor) while the
// container runs on: after an update of the package, say. No output is lost, and attached clients stay.
// Errors: conflict when it doesn't run, or when the new monitor can't be run, and then the old one works on.
Result<void> upgrade_monitor(const Engine& engine, const std::string& reference);

}  // namespace gantry::engine
