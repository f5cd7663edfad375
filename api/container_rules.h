#pragma once

#include "api/ecs_task_definition.h"
#include "http/aws_error.h"

// The rules for one container definition; used by task_definition_rules.cpp and, for overrides, by the
// control plane. What an agent or its runtime would refuse later is refused here, with a text that names the
// member, the value and the rule. Errors: ClientException.

namespace gantry::api {

http::AwsError rule_broken(std::string message);  // ClientException

// "Invalid setting for container 'C'. WHAT must be between LEAST and MOST, found VALUE."
http::AwsResult<void> check_range(std::string_view what, const std::optional<int>& value, int least, int most,
                                  const std::string& container);

// Checks `container` against the (already normal) network mode and the volumes of `task`, and fills defaults.
http::AwsResult<void> complete_container(ContainerDefinition& container, const TaskDefinition& task);

// Of complete_container(): port mappings with their defaults.
http::AwsResult<void> complete_ports(ContainerDefinition& container, const TaskDefinition& task);

// Of complete_container(): what becomes the container's process, network files, kernel limits and log.
http::AwsResult<void> check_host_members(const ContainerDefinition& container, const TaskDefinition& task);

// Memory in MiB: hard limit and reservation, each at least 6, the limit above the reservation and not above
// the task's (a decimal number, or empty).
http::AwsResult<void> check_memory_sizes(const std::string& container, const std::optional<int>& memory,
                                         const std::optional<int>& reservation,
                                         const std::string& task_memory);

// Names of variables: not empty, without "=".
http::AwsResult<void> check_environment(const std::string& container,
                                        const std::vector<KeyValuePair>& environment);

// What lies between containers: dependsOn and volumesFrom name others of the task; dependsOn has no cycle;
// HEALTHY needs a health check; COMPLETE and SUCCESS can't be set on an essential container; a path of a
// container is mounted once, a static host port mapped once.
http::AwsResult<void> check_dependencies(const TaskDefinition& task);

}  // namespace gantry::api
