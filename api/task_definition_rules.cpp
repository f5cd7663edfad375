#include "api/task_definition_rules.h"

#include "api/container_rules.h"
#include "api/image_name.h"
#include "base/format.h"
#include "base/text.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace gantry::api {
namespace {

using http::AwsError;
using http::AwsResult;

AwsResult<void> check_supported(const RegisterTaskDefinitionRequest& request) {
  if (!request.unsupported.empty()) {
    return rule_broken(format("{} is not supported by this control plane.", request.unsupported.front()));
  }
  for (const auto& volume : request.definition.volumes) {
    if (volume.unsupported.empty()) continue;
    return rule_broken(format("{} of volume '{}' is not supported by this control plane.",
                              volume.unsupported.front(), volume.name));
  }
  return {};
}

AwsResult<void> check_network_mode(TaskDefinition& definition) {
  if (definition.network_mode.empty()) definition.network_mode = "bridge";
  const auto& mode = definition.network_mode;
  if (mode == "bridge" || mode == "host" || mode == "none") return {};
  if (mode == "awsvpc") return rule_broken("networkMode 'awsvpc' is not supported by this control plane.");
  return rule_broken(
      format("Invalid network mode '{}'. It should be one of [bridge,host,awsvpc,none].", mode));
}

AwsResult<void> check_pid_mode(const std::string& mode) {
  if (mode.empty() || mode == "host") return {};
  if (mode == "task") return rule_broken("pidMode 'task' is not supported by this control plane.");
  return rule_broken(format("Invalid pidMode '{}'. It should be one of [host,task].", mode));
}

AwsResult<void> check_ipc_mode(const std::string& mode) {
  if (mode.empty() || mode == "host" || mode == "none") return {};
  if (mode == "task") {
    return rule_broken("ipcMode 'task' is not supported by this control plane.");
  }
  return rule_broken(format("Invalid ipcMode '{}'. It should be one of [host,task,none].", mode));
}

AwsResult<void> check_compatibilities(TaskDefinition& definition) {
  for (const auto& wanted : definition.requires_compatibilities) {
    if (wanted == "FARGATE" && definition.network_mode != "awsvpc") {
      return rule_broken("Fargate only supports network mode 'awsvpc'.");
    }
    if (wanted != "EC2" && wanted != "EXTERNAL") {
      return rule_broken(
          format("requiresCompatibilities '{}' is not supported by this control plane.", wanted));
    }
  }
  definition.compatibilities = {"EC2", "EXTERNAL"};
  return {};
}

AwsResult<void> check_volumes(const TaskDefinition& definition) {
  std::set<std::string> names;
  for (const auto& volume : definition.volumes) {
    if (!is_valid_name(volume.name)) return rule_broken("Volume.name should not be null or empty.");
    if (!names.insert(volume.name).second)
      return rule_broken(format("Duplicate volume name '{}'.", volume.name));
    if (volume.host && !volume.host->source_path.empty() && volume.host->source_path.front() != '/') {
      return rule_broken(format("The host sourcePath of volume '{}' must be an absolute path.", volume.name));
    }
  }
  return {};
}

AwsResult<void> check_constraints(const TaskDefinition& definition) {
  if (definition.placement_constraints.size() > 10) {
    return rule_broken("A task definition cannot have more than 10 placement constraints.");
  }
  for (const auto& constraint : definition.placement_constraints) {
    if (constraint.type != "memberOf") {
      return rule_broken("A placement constraint of a task definition must have type 'memberOf'.");
    }
    if (constraint.expression.empty())
      return rule_broken("A memberOf placement constraint needs an expression.");
  }
  return {};
}

AwsResult<void> check_platform(const TaskDefinition& definition) {
  if (!definition.runtime_platform) return {};
  const auto& platform = *definition.runtime_platform;
  if (!platform.operating_system_family.empty() && platform.operating_system_family != "LINUX") {
    return rule_broken(format("operatingSystemFamily '{}' is not supported by this control plane.",
                              platform.operating_system_family));
  }
  const auto& architecture = platform.cpu_architecture;
  if (architecture.empty() || architecture == "X86_64" || architecture == "ARM64") return {};
  return rule_broken(
      format("Invalid cpuArchitecture '{}'. It should be one of [X86_64,ARM64].", architecture));
}

AwsResult<void> check_sizes(TaskDefinition& definition) {
  if (!definition.cpu.empty()) definition.cpu = TRY(normal_cpu(definition.cpu));
  if (!definition.memory.empty()) definition.memory = TRY(normal_memory(definition.memory));
  int64_t cpu = 0;
  for (const auto& container : definition.container_definitions) cpu += container.cpu;
  if (!definition.cpu.empty() && cpu > std::stoll(definition.cpu)) {
    return rule_broken(
        format("The sum of the containers' cpu ({}) is greater than the task's ({}).", cpu, definition.cpu));
  }
  return {};
}

AwsResult<void> check_containers(TaskDefinition& definition) {
  auto& containers = definition.container_definitions;
  if (containers.empty()) return rule_broken("Container definitions should not be null or empty.");
  if (containers.size() > 10) return rule_broken("A task definition cannot have more than 10 containers.");
  std::set<std::string> names;
  bool any_essential = false;
  for (auto& container : containers) {
    TRY(complete_container(container, definition));
    any_essential = any_essential || *container.essential;
    if (!names.insert(container.name).second) {
      return rule_broken(format("Container names should be unique, found '{}' twice.", container.name));
    }
  }
  if (!any_essential) return rule_broken("At least one container must be essential.");
  return check_dependencies(definition);
}

// "1.5 vCPU" with unit "vcpu" → 1.5; empty: no such unit.
std::optional<double> number_with_unit(std::string_view text, std::string_view unit) {
  const auto lower = to_lower(trim(text));
  if (lower.size() <= unit.size() || !lower.ends_with(unit)) return std::nullopt;
  const std::string number(trim(std::string_view(lower).substr(0, lower.size() - unit.size())));
  if (number.empty() || number.find_first_not_of("0123456789.") != std::string::npos) return std::nullopt;
  char* end = nullptr;
  const double value = std::strtod(number.c_str(), &end);
  return *end == '\0' ? std::optional(value) : std::nullopt;
}

AwsResult<std::string> normal_size(std::string_view what, std::string_view unit, std::string_view text,
                                   int64_t least, int64_t most) {
  int64_t value = 0;
  if (const auto number = number_with_unit(text, unit)) {
    value = *number > 1e9 ? -1 : std::llround(*number * 1024);
  } else if (const auto plain = parse_integer(what, text, 0, INT64_MAX)) {
    value = *plain;
  } else {
    return rule_broken(format("Invalid '{}' setting for task: '{}'.", what, text));
  }
  if (value < least || value > most) {
    return rule_broken(format("Invalid '{}' setting for task: '{}'. It must be between {} and {}.", what,
                              text, least, most));
  }
  return std::to_string(value);
}

}  // namespace

AwsResult<void> complete_task_definition(RegisterTaskDefinitionRequest& request) {
  auto& definition = request.definition;
  if (definition.family.empty()) return rule_broken("Family should not be null or empty.");
  if (!is_valid_name(definition.family)) {
    return rule_broken(
        "Family contains invalid characters. Use up to 255 letters, numbers, hyphens and underscores.");
  }
  TRY(check_supported(request));
  TRY(check_network_mode(definition));
  TRY(check_pid_mode(definition.pid_mode));
  TRY(check_ipc_mode(definition.ipc_mode));
  TRY(check_compatibilities(definition));
  TRY(check_volumes(definition));
  TRY(check_constraints(definition));
  TRY(check_platform(definition));
  TRY(check_containers(definition));
  TRY(check_sizes(definition));
  TRY(check_execution_role(definition.execution_role_arn, definition));
  TRY(check_tags(request.tags));
  definition.requires_attributes = required_attributes(definition);
  return {};
}

AwsResult<void> check_execution_role(const std::string& role, const TaskDefinition& definition) {
  if (role.empty()) return {};
  const auto refused = [&role](std::string_view what, const ContainerDefinition& container) {
    return rule_broken(format(
        "executionRoleArn '{}' is not supported by this control plane with {} of container '{}': there are "
        "no role credentials here, hosts use their own. Leave executionRoleArn out.",
        role, what, container.name));
  };
  for (const auto& container : definition.container_definitions) {
    const auto image = ImageName::parse(container.image);
    if (image && image->is_ecr()) return refused(format("image '{}'", container.image), container);
    const bool awslogs = container.log_configuration && container.log_configuration->log_driver == "awslogs";
    if (awslogs) return refused("the log driver 'awslogs'", container);
  }
  return {};
}

bool is_valid_name(std::string_view name) {
  return !name.empty() && name.size() <= 255 && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '-';
  });
}

AwsResult<void> check_tags(const std::vector<Tag>& tags) {
  const auto invalid = [](std::string text) {
    return AwsError{"InvalidParameterException", std::move(text)};
  };
  if (tags.size() > 50) return invalid("The maximum number of tags is 50.");
  std::set<std::string> keys;
  for (const auto& tag : tags) {
    if (tag.key.empty() || tag.key.size() > 128) return invalid("A tag key must have 1 to 128 characters.");
    if (tag.value.size() > 256)
      return invalid(format("The value of tag '{}' is longer than 256 characters.", tag.key));
    if (starts_with_ignoring_case(tag.key, "aws:")) {
      return invalid(format("Tag keys beginning with 'aws:' are reserved, found '{}'.", tag.key));
    }
    if (!keys.insert(tag.key).second) return invalid(format("Duplicate tag key '{}'.", tag.key));
  }
  return {};
}

AwsResult<std::string> normal_cpu(std::string_view text) {
  return normal_size("cpu", "vcpu", text, 128, 196608);
}

AwsResult<std::string> normal_memory(std::string_view text) {
  return normal_size("memory", "gb", text, 6, int64_t{1} << 31);
}

}  // namespace gantry::api
