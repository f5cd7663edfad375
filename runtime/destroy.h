#pragma once

#include "runtime/store.h"

namespace gantry::runtime {

// SIGKILL to all of it: by its cgroup, and by its init, whose pid namespace dies with it.
void kill_container(const Record& record);

// Ends the container's processes, waits for them, removes the cgroup, runs poststop hooks (their failures are
// warnings), and last the folder. Each step may have been done by a command that was killed. `config`: for
// its poststop hooks; nullptr: they don't run.
Result<void> destroy_container(ContainerFolder& folder, const Record& record,
                               const oci::RuntimeConfig* config);

// The same for a folder that isn't locked: another command may have deleted the container meanwhile, which is
// no failure.
Result<void> destroy_if_there(ContainerFolder& folder, const Record& record,
                              const oci::RuntimeConfig& config);

}  // namespace gantry::runtime
