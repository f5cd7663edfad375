#pragma once

#include "oci/runtime_config.h"

#include <optional>

// What a container's processes get whoever starts it: a shell at nice 7, a service at OOMScoreAdjust=-900. A
// process gets all this from its parent unless it is told.

namespace gantry::engine {

// `wanted`, else 0 as docker has it. Without CAP_SYS_RESOURCE a process may be kept from being less likely to
// be killed than we are: our own value then, with a warning when another was asked for.
int oom_score_adjustment(std::optional<int> wanted);

// RLIMIT_NOFILE as docker has it: 1048576, or what fs.nr_open and, without CAP_SYS_RESOURCE, our own hard
// limit leave.
oci::Rlimit open_files_limit();

// The calling thread gets nice 0 and all processors; what it starts inherits both.
void take_default_scheduling();

}  // namespace gantry::engine
