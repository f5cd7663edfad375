#pragma once

#include "engine/engine.h"

#include <string>

// What `gantry version` and `gantry info` tell with --format, under docker's names.

namespace gantry::cli {

struct HostFacts {
  size_t containers = 0;
  size_t running = 0;
  size_t images = 0;
  engine::EngineOptions options;
  engine::HostLimits limits;
};

// {"Client": {"Version": …}, "Server": {…}}: there is no server, so that both are this program.
std::string version_json();
std::string info_json(const HostFacts& facts);

}  // namespace gantry::cli
