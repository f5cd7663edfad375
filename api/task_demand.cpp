#include "api/ecs_task.h"
#include "api/ecs_task_definition.h"
#include "base/text.h"

#include <algorithm>

namespace gantry::api {
namespace {

const ContainerOverride* override_of(const TaskOverride& overrides, const std::string& name) {
  const auto& all = overrides.container_overrides;
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const auto& each) { return each.name == name; });
  return found == all.end() ? nullptr : &*found;
}

int64_t memory_of(const ContainerDefinition& container, const ContainerOverride* override) {
  if (override != nullptr && override->memory_reservation) return *override->memory_reservation;
  if (override == nullptr || !override->memory) {
    if (container.memory_reservation) return *container.memory_reservation;
    return container.memory.value_or(0);
  }
  return container.memory_reservation.value_or(*override->memory);
}

// Task level values are decimal numbers by registration's rules.
std::optional<int64_t> task_level(const std::string& override, const std::string& value) {
  const auto& text = override.empty() ? value : override;
  if (text.empty()) return std::nullopt;
  auto number = parse_integer("task size", text, 0, INT64_MAX);
  if (!number) return std::nullopt;
  return *number;
}

}  // namespace

TaskDemand task_demand(const TaskDefinition& definition, const TaskOverride& overrides) {
  TaskDemand demand;
  for (const auto& container : definition.container_definitions) {
    const auto* override = override_of(overrides, container.name);
    demand.cpu += override != nullptr && override->cpu ? *override->cpu : container.cpu;
    demand.memory += memory_of(container, override);
    for (const auto& mapping : container.port_mappings) {
      const int port = mapping.host_port.value_or(0);
      if (port == 0) continue;
      (mapping.protocol == "udp" ? demand.udp_ports : demand.tcp_ports).push_back(port);
    }
  }
  demand.cpu = task_level(overrides.cpu, definition.cpu).value_or(demand.cpu);
  demand.memory = task_level(overrides.memory, definition.memory).value_or(demand.memory);
  return demand;
}

}  // namespace gantry::api
