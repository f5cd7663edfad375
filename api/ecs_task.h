#pragma once

#include "api/ecs_common.h"
#include "base/json.h"

#include <span>

// Tasks and their containers, as DescribeTasks answers them.

namespace gantry::api {

// In the order of a task's life; a task never goes back.
enum class TaskStatus {
  provisioning,
  pending,
  activating,
  running,
  deactivating,
  stopping,
  deprovisioning,
  stopped
};
enum class DesiredStatus { running, pending, stopped };
enum class HealthStatus { unknown, healthy, unhealthy };
enum class LaunchType { ec2, fargate, external };
enum class StopCode {
  task_failed_to_start,
  essential_container_exited,
  user_initiated,
  service_scheduler_initiated,
  spot_interruption,
  termination_notice
};

std::span<const EnumName<TaskStatus>> enum_names(TaskStatus);
std::span<const EnumName<DesiredStatus>> enum_names(DesiredStatus);
std::span<const EnumName<HealthStatus>> enum_names(HealthStatus);
std::span<const EnumName<LaunchType>> enum_names(LaunchType);
std::span<const EnumName<StopCode>> enum_names(StopCode);

struct ContainerOverride {
  std::string name;
  std::vector<std::string> command;
  std::vector<KeyValuePair> environment;
  std::optional<int> cpu;
  std::optional<int> memory;
  std::optional<int> memory_reservation;
  std::vector<std::string> unsupported;
};

struct TaskOverride {
  std::vector<ContainerOverride> container_overrides;
  std::string cpu;
  std::string memory;
  std::string execution_role_arn;
  std::vector<std::string> unsupported;
};

struct Container {
  std::string container_arn;
  std::string task_arn;
  std::string name;
  std::string image;
  std::string image_digest;
  std::string runtime_id;
  TaskStatus last_status = TaskStatus::pending;  // PENDING, RUNNING, STOPPED
  std::optional<int> exit_code;
  std::string reason;
  std::vector<NetworkBinding> network_bindings;
  HealthStatus health_status = HealthStatus::unknown;
  std::string cpu;
  std::string memory;
  std::string memory_reservation;
};

struct Task {
  std::vector<Attribute> attributes;
  std::string availability_zone;
  std::string cluster_arn;
  std::string connectivity;  // "CONNECTED", "DISCONNECTED"
  std::optional<EpochSeconds> connectivity_at;
  std::string container_instance_arn;
  std::vector<Container> containers;
  std::string cpu;
  std::string memory;
  std::optional<EpochSeconds> created_at;
  DesiredStatus desired_status = DesiredStatus::running;
  bool enable_execute_command = false;
  std::optional<EpochSeconds> execution_stopped_at;
  std::string group;
  HealthStatus health_status = HealthStatus::unknown;
  TaskStatus last_status = TaskStatus::pending;
  LaunchType launch_type = LaunchType::ec2;
  TaskOverride overrides;
  std::optional<EpochSeconds> pull_started_at;
  std::optional<EpochSeconds> pull_stopped_at;
  std::optional<EpochSeconds> started_at;
  std::string started_by;
  std::optional<StopCode> stop_code;
  std::optional<EpochSeconds> stopped_at;
  std::string stopped_reason;
  std::optional<EpochSeconds> stopping_at;
  std::vector<Tag> tags;
  std::string task_arn;
  std::string task_definition_arn;
  int64_t version = 1;
};

}  // namespace gantry::api
