#pragma once

#include "runtime/configuration.h"
#include "runtime/create.h"
#include "runtime/init.h"

namespace gantry::runtime {

// Opens and converts all that init will need. No side effect but descriptors, so that a bad configuration
// leaves nothing behind. Takes the compiled filter out of `configuration`.
Result<InitPlan> plan_init(Configuration& configuration, const CreateOptions& options,
                           const std::string& seccomp_cache, std::vector<std::string>& warnings);

// Once init has them: all of the plan's but procfs, in as few calls as can be.
void close_descriptors(InitPlan& plan);

// How errors name the configuration: "config.json", or the path given for it.
std::string config_name(const CreateOptions& options);

// ROOT's folder of compiled filters: a name that no container can have.
std::string seccomp_cache_of(const std::string& root);

// Bad descriptors among those to keep are an error. fcntl(2).
Result<void> check_preserved(unsigned count);

}  // namespace gantry::runtime
