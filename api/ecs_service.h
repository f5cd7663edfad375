#pragma once

#include "api/ecs_common.h"
#include "api/ecs_task.h"

namespace gantry::api {

enum class SchedulingStrategy { replica, daemon };
enum class RolloutState { completed, failed, in_progress };
enum class DeploymentStatus { primary, active, inactive };
enum class ServiceStatus { active, draining, inactive };
enum class PropagateTags { none, service, task_definition };

std::span<const EnumName<SchedulingStrategy>> enum_names(SchedulingStrategy);
std::span<const EnumName<RolloutState>> enum_names(RolloutState);
std::span<const EnumName<DeploymentStatus>> enum_names(DeploymentStatus);
std::span<const EnumName<ServiceStatus>> enum_names(ServiceStatus);
std::span<const EnumName<PropagateTags>> enum_names(PropagateTags);

struct DeploymentCircuitBreaker {
  bool enable = false;
  bool rollback = false;
  bool operator==(const DeploymentCircuitBreaker&) const = default;
};

struct DeploymentConfiguration {
  std::optional<DeploymentCircuitBreaker> deployment_circuit_breaker;
  std::optional<int> maximum_percent;          // filled in: 200, DAEMON 100
  std::optional<int> minimum_healthy_percent;  // filled in: 100, DAEMON 0
  std::string strategy;                        // "ROLLING"
  std::vector<std::string> unsupported;
};

struct Deployment {
  std::string id;  // "ecs-svc/" and 19 digits; startedBy of its tasks
  DeploymentStatus status = DeploymentStatus::primary;
  std::string task_definition;  // ARN
  int desired_count = 0;
  int pending_count = 0;  // counted when described
  int running_count = 0;  // counted when described
  int failed_tasks = 0;
  EpochSeconds created_at = 0;
  EpochSeconds updated_at = 0;
  LaunchType launch_type = LaunchType::ec2;
  RolloutState rollout_state = RolloutState::in_progress;
  std::string rollout_state_reason;
};

struct ServiceEvent {
  std::string id;
  EpochSeconds created_at = 0;
  std::string message;
};

struct Service {
  std::string service_arn;
  std::string service_name;
  std::string cluster_arn;
  ServiceStatus status = ServiceStatus::active;
  int desired_count = 0;
  int running_count = 0;  // counted when described
  int pending_count = 0;  // counted when described
  LaunchType launch_type = LaunchType::ec2;
  std::string task_definition;  // ARN of the newest deployment's
  DeploymentConfiguration deployment_configuration;
  std::vector<Deployment> deployments;  // newest (PRIMARY) first
  std::vector<ServiceEvent> events;     // newest first, at most 100
  EpochSeconds created_at = 0;
  std::vector<PlacementConstraint> placement_constraints;
  std::vector<PlacementStrategy> placement_strategy;
  int health_check_grace_period_seconds = 0;
  SchedulingStrategy scheduling_strategy = SchedulingStrategy::replica;
  std::vector<Tag> tags;
  bool enable_ecs_managed_tags = false;
  PropagateTags propagate_tags = PropagateTags::none;
  bool enable_execute_command = false;
  std::string availability_zone_rebalancing;  // "ENABLED", "DISABLED"
};

}  // namespace gantry::api
