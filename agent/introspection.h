#pragma once

#include "agent/state_store.h"
#include "agent/task_manager.h"
#include "http/server.h"

#include <functional>
#include <memory>
#include <string>

namespace gantry::agent {

// GET /v1/metadata and /v1/tasks (?taskarn= or ?dockerid=) on 127.0.0.1, in the ECS agent's form.
// Errors: system when the port is in use.
Result<std::unique_ptr<http::Server>> start_introspection(uint16_t port, const TaskManager& manager,
                                                          std::function<InstanceState()> instance);

std::string metadata_text(const InstanceState& instance);
std::string tasks_text(const std::vector<Task>& tasks);  // {"Tasks":[…]}
std::string task_text(const Task& task);

}  // namespace gantry::agent
