#pragma once

#include "api/ecs_task_definition.h"
#include "http/aws_error.h"

// What RegisterTaskDefinition accepts, and what it fills in. Texts are AWS's own where they are known.

namespace gantry::api {

// Checks `request` and fills defaults: network mode, essential, protocols, host ports, sizes as plain
// numbers, compatibilities, required attributes. Identity (ARN, revision, dates) is the caller's. Errors:
// ClientException; what gantry can't honour is named.
http::AwsResult<void> complete_task_definition(RegisterTaskDefinitionRequest& request);

// An execution role's credentials would have to come from the control plane, which has none to give. So a
// role is refused where ECS would use it: to pull an image of Amazon ECR, and with the log driver awslogs.
// Elsewhere it has no effect, also in ECS. Errors: ClientException.
http::AwsResult<void> check_execution_role(const std::string& role, const TaskDefinition& definition);

// Attributes that an instance must have to run `definition`.
std::vector<Attribute> required_attributes(const TaskDefinition& definition);

// 1–255 of A–Z a–z 0–9 _ -: clusters, services, families, containers.
bool is_valid_name(std::string_view name);

// At most 50, keys 1–128 and values up to 256 characters, none beginning with "aws:", none twice.
// Errors: InvalidParameterException.
http::AwsResult<void> check_tags(const std::vector<Tag>& tags);

// Task level cpu in units from "1024" or "1 vCPU", memory in MiB from "2048" or "2 GB". Errors:
// ClientException.
http::AwsResult<std::string> normal_cpu(std::string_view text);
http::AwsResult<std::string> normal_memory(std::string_view text);

}  // namespace gantry::api
