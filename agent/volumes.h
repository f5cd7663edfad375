#pragma once

#include "agent/config.h"
#include "api/agent_payload.h"
#include "base/result.h"
#include "engine/container_spec.h"

#include <map>
#include <string>
#include <vector>

namespace gantry::agent {

// The mounts of a container: its mount points, those of its volumesFrom, and tmpfs (path to options). A host
// volume with a path is bound from there (made if missing); one without lives in the task's own folder.
// A path of the container's own mount points stands before the same path from volumesFrom. Errors: invalid,
// naming the volume or the container; kinds of volumes are check_task's business.
Result<std::vector<engine::MountSpec>> plan_mounts(const api::PayloadTask& task, size_t container,
                                                   const std::map<std::string, std::string>& tmpfs,
                                                   const Config& config);

}  // namespace gantry::agent
