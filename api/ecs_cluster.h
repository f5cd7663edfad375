#pragma once

#include "api/ecs_common.h"
#include "api/ecs_task.h"

namespace gantry::api {

enum class ClusterStatus { active, inactive };
enum class ContainerInstanceStatus { active, draining, inactive };

std::span<const EnumName<ClusterStatus>> enum_names(ClusterStatus);
std::span<const EnumName<ContainerInstanceStatus>> enum_names(ContainerInstanceStatus);

struct Cluster {
  std::string cluster_arn;
  std::string cluster_name;
  ClusterStatus status = ClusterStatus::active;
  int registered_container_instances_count = 0;  // this and the next three are counted when described
  int running_tasks_count = 0;
  int pending_tasks_count = 0;
  int active_services_count = 0;
  std::vector<KeyValuePair> statistics;
  std::vector<Tag> tags;
  std::vector<KeyValuePair> settings;
};

struct ContainerInstance {
  std::string container_instance_arn;
  std::string ec2_instance_id;
  int64_t version = 0;  // raised at each change
  VersionInfo version_info;
  std::vector<Resource> remaining_resources;  // computed when described
  std::vector<Resource> registered_resources;
  ContainerInstanceStatus status = ContainerInstanceStatus::active;
  std::string status_reason;
  bool agent_connected = false;
  int running_tasks_count = 0;  // counted when described
  int pending_tasks_count = 0;  // counted when described
  std::vector<Attribute> attributes;
  EpochSeconds registered_at = 0;
  std::vector<Tag> tags;
  std::string overall_health;  // "INSUFFICIENT_DATA" when asked for: what agents say of it isn't kept
};

}  // namespace gantry::api
