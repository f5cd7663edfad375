#pragma once

#include "agent/config.h"
#include "agent/container_driver.h"
#include "api/agent_payload.h"
#include "base/result.h"
#include "engine/container_spec.h"

#include <string>

namespace gantry::agent {

// Whether this agent can honour all that the task asks for. Errors: unsupported or invalid, naming the
// member: "HostConfigError: container web: logDriver awslogs isn't available".
Result<void> check_task(const api::PayloadTask& task, const Config& config, const HostCapabilities& host);

// The engine's spec for one container of a checked task.
Result<engine::ContainerSpec> plan_container(const api::PayloadTask& task, size_t container,
                                             const Config& config);

TaskGroup plan_group(const api::PayloadTask& task, const Config& config);

// The folder of a task's own volumes, removed with the task; and a folder in it for each.
std::string volumes_directory(const api::PayloadTask& task, const Config& config);
Result<void> make_volumes(const api::PayloadTask& task, const Config& config);

std::string container_name(const api::PayloadTask& task, const api::PayloadContainer& container);
RegistryLogin registry_login(const api::PayloadContainer& container, const Config& config);
std::chrono::seconds stop_timeout(const api::PayloadContainer& container, const Config& config);

}  // namespace gantry::agent
