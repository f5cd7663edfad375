#pragma once

#include "api/ecs_task_definition.h"
#include "http/aws_error.h"

// The rules for one container definition; used by task_definition_rules.cpp only.

namespace gantry::api {

// Checks `container` against the (already normal) network mode and the volumes of `task`, and fills defaults.
http::AwsResult<void> complete_container(ContainerDefinition& container, const TaskDefinition& task);

// dependsOn and volumesFrom name containers of the task; dependsOn has no cycle; HEALTHY needs a health
// check; COMPLETE and SUCCESS can't be set on an essential container.
http::AwsResult<void> check_dependencies(const TaskDefinition& task);

}  // namespace gantry::api
