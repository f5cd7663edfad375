#pragma once

#include "api/agent_payload.h"
#include "api/agent_protocol.h"
#include "controlplane/registry_logins.h"
#include "controlplane/state.h"

#include <string>
#include <vector>

// A task in the agent's terms. What of a task definition has no member of its own in a payload travels inside
// dockerConfig, in Docker's API form.

namespace gantry::controlplane {

// Whose the task definitions are, and how hosts get at their images.
struct PayloadOrigin {
  const Identity& identity;
  const RegistryLogins& registries;
};
api::PayloadTask payload_task(const Task& task, const TaskDefinition& definition,
                              const PayloadOrigin& origin);

// The tasks of an instance that its agent must know: those that aren't STOPPED, with desiredStatus.
struct InstanceTasks {
  std::vector<Ptr<Task>> tasks;
  std::vector<Ptr<TaskDefinition>> definitions;  // of each task; never null
};
InstanceTasks live_tasks(const State& state, const std::string& instance_arn);
InstanceTasks live_tasks(const State& state, const std::vector<std::string>& task_arns);

api::PayloadMessage payload_message(const ContainerInstance& instance, int64_t sequence_number,
                                    const InstanceTasks& tasks, api::EpochSeconds now,
                                    const PayloadOrigin& origin);
api::TaskManifestMessage manifest_message(const ContainerInstance& instance, int64_t sequence_number,
                                          const InstanceTasks& tasks, api::EpochSeconds now);

}  // namespace gantry::controlplane
