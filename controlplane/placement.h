#pragma once

#include "api/ecs_common.h"
#include "api/ecs_task.h"
#include "base/result.h"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

// What the scheduler knows: values copied out of the state, so that a decision is a function of them alone.

namespace gantry::controlplane {

// A container instance as a candidate.
struct HostSnapshot {
  std::string arn;
  bool active = true;        // status ACTIVE; else DRAINING or gone
  bool connected = true;     // its agent has an ACS socket
  int64_t cpu_total = 0;     // units of 1/1024 core
  int64_t memory_total = 0;  // MiB
  int64_t cpu_remaining = 0;
  int64_t memory_remaining = 0;
  std::set<int> tcp_used;  // host ports: reserved, static and dynamic
  std::set<int> udp_used;
  std::map<std::string, std::string> attributes;  // with ecs.availability-zone
  std::string ec2_instance_id;
  std::string agent_version;
  api::EpochSeconds registered_at = 0;
  int running_tasks = 0;
  std::map<std::string, int> tasks_by_group;  // tasks not STOPPED and wanted, by group ("service:web")

  std::string_view zone() const;
};

// `count` equal tasks to place.
struct TaskRequest {
  int count = 1;
  int64_t cpu = 0;             // units
  int64_t memory = 0;          // MiB
  std::vector<int> tcp_ports;  // static host ports
  std::vector<int> udp_ports;
  std::vector<api::Attribute> required_attributes;  // an empty value: the name is enough
  std::vector<api::PlacementConstraint> constraints;
  std::vector<api::PlacementStrategy> strategies;
  std::string group;
  api::LaunchType launch_type = api::LaunchType::ec2;
  std::string only_host;  // this instance or none: StartTask and DAEMON
};

// Why a host can't take a task, with the texts of RunTask's failures: RESOURCE:CPU, RESOURCE:MEMORY,
// RESOURCE:PORTS, RESOURCE:PORTS_UDP, ATTRIBUTE, AGENT, INACTIVE,
// "MemberOf placement constraint unsatisfied.", "DistinctInstance placement constraint unsatisfied.".
// In the order in which a host is checked: the later the reason, the closer the match.
enum class Refusal {
  inactive,
  agent,
  attribute,
  member_of,
  distinct_instance,
  ports_tcp,
  ports_udp,
  cpu,
  memory,
};
std::string_view refusal_text(Refusal refusal);

// Checks what the ECS API checks of constraints and strategies: types, fields, expressions that parse.
// Errors: invalid, for an InvalidParameterException.
Result<void> check_placement(const std::vector<api::PlacementConstraint>& constraints,
                             const std::vector<api::PlacementStrategy>& strategies);

}  // namespace gantry::controlplane
