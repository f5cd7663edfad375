#include "api/image_name.h"
#include "api/task_definition_rules.h"
#include "base/text.h"

#include <set>

// Source: amazon-ecs-agent's capability names; ECS developer guide "Container instance attributes".

namespace gantry::api {
namespace {

constexpr std::string_view old_prefix = "com.amazonaws.ecs.capability.";
constexpr std::string_view new_prefix = "ecs.capability.";

using Names = std::set<std::string>;

void add(Names& names, std::string_view prefix, std::string_view name) {
  names.insert(std::string(prefix) + std::string(name));
}

void add_for_container(Names& names, const ContainerDefinition& container) {
  const auto image = ImageName::parse(container.image);
  if (image && image->is_ecr()) add(names, old_prefix, "ecr-auth");
  if (container.privileged.value_or(false)) add(names, old_prefix, "privileged-container");
  if (container.health_check) add(names, new_prefix, "container-health-check");
  if (!container.depends_on.empty()) add(names, new_prefix, "container-ordering");
  if (container.restart_policy && container.restart_policy->enabled) {
    add(names, new_prefix, "container-restart-policy");
  }
  if (container.log_configuration) {
    add(names, old_prefix, "logging-driver." + container.log_configuration->log_driver);
  }
  const bool api_1_18 =
      !container.ulimits.empty() || !container.docker_labels.empty() || container.log_configuration;
  if (api_1_18) add(names, old_prefix, "docker-remote-api.1.18");
}

}  // namespace

std::vector<Attribute> required_attributes(const TaskDefinition& definition) {
  Names names;
  for (const auto& container : definition.container_definitions) add_for_container(names, container);
  if (!definition.cpu.empty() || !definition.memory.empty()) add(names, new_prefix, "task-cpu-mem-limit");
  if (definition.pid_mode == "host" || definition.ipc_mode == "host")
    add(names, new_prefix, "pid-ipc-namespace-sharing");
  std::vector<Attribute> attributes;
  for (const auto& name : names) attributes.push_back({.name = name});
  if (!definition.runtime_platform) return attributes;
  const auto& platform = *definition.runtime_platform;
  if (!platform.cpu_architecture.empty()) {
    attributes.push_back(
        {.name = "ecs.cpu-architecture", .value = platform.cpu_architecture == "ARM64" ? "arm64" : "x86_64"});
  }
  if (!platform.operating_system_family.empty())
    attributes.push_back({.name = "ecs.os-type", .value = "linux"});
  return attributes;
}

}  // namespace gantry::api
