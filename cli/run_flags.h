#pragma once

#include "cli/flags.h"
#include "engine/container_spec.h"

#include <string>
#include <vector>

namespace gantry::cli {

enum class PullPolicy { missing, always, never };

// Where the flags of run and create go. The members that aren't the spec's are notations to be put together
// once all flags are read.
struct RunFlags {
  engine::ContainerSpec spec;
  bool detach = false;
  PullPolicy pull = PullPolicy::missing;
  std::string cidfile;
  std::optional<std::string> entrypoint;
  std::string health_command;
  bool no_health_check = false;
  engine::HealthSpec health;
  bool health_given = false;
  std::vector<std::string> log_options;
};

// Adds all flags of `docker run` that we support; others are unknown, and so refused.
void add_run_flags(FlagSet& set, RunFlags& flags);

// The spec, from the flags and IMAGE [COMMAND…].
Result<engine::ContainerSpec> finish_spec(const RunFlags& flags, const std::vector<std::string>& arguments);

}  // namespace gantry::cli
