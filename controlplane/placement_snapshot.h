#pragma once

#include "api/ecs_task_definition.h"
#include "controlplane/scheduler.h"
#include "controlplane/state.h"

#include <string>
#include <vector>

// From state to the scheduler's values.

namespace gantry::controlplane {

// Remaining resources are the registered ones less what every task that isn't STOPPED reserves; ports are the
// reserved ones, the tasks' static ones and those their containers report (dynamic).
HostSnapshot host_snapshot(const State& state, const ContainerInstance& instance);
// Of all instances of a cluster that aren't INACTIVE.
std::vector<HostSnapshot> host_snapshots(const State& state, const std::string& cluster_arn);

// CPU, MEMORY, PORTS and PORTS_UDP in the form and order of registeredResources, for
// DescribeContainerInstances.
std::vector<api::Resource> remaining_resources(const State& state, const ContainerInstance& instance);

// What one task of `definition` asks of a host: demand, ports, required attributes and the definition's own
// constraints. The caller adds count, group, strategies and further constraints.
TaskRequest task_request(const TaskDefinition& definition, const api::TaskOverride& overrides);

}  // namespace gantry::controlplane
