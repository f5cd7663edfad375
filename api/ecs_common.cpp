#include "api/ecs_common.h"

#include "api/ecs_cluster.h"
#include "api/ecs_service.h"
#include "api/ecs_task_definition.h"
#include "base/text.h"

namespace gantry::api {
namespace {

constexpr EnumName<TaskStatus> task_statuses[] = {
    {TaskStatus::provisioning, "PROVISIONING"},     {TaskStatus::pending, "PENDING"},
    {TaskStatus::activating, "ACTIVATING"},         {TaskStatus::running, "RUNNING"},
    {TaskStatus::deactivating, "DEACTIVATING"},     {TaskStatus::stopping, "STOPPING"},
    {TaskStatus::deprovisioning, "DEPROVISIONING"}, {TaskStatus::stopped, "STOPPED"},
};
constexpr EnumName<DesiredStatus> desired_statuses[] = {{DesiredStatus::running, "RUNNING"},
                                                        {DesiredStatus::pending, "PENDING"},
                                                        {DesiredStatus::stopped, "STOPPED"}};
constexpr EnumName<HealthStatus> health_statuses[] = {{HealthStatus::unknown, "UNKNOWN"},
                                                      {HealthStatus::healthy, "HEALTHY"},
                                                      {HealthStatus::unhealthy, "UNHEALTHY"}};
constexpr EnumName<LaunchType> launch_types[] = {
    {LaunchType::ec2, "EC2"}, {LaunchType::fargate, "FARGATE"}, {LaunchType::external, "EXTERNAL"}};
constexpr EnumName<StopCode> stop_codes[] = {
    {StopCode::task_failed_to_start, "TaskFailedToStart"},
    {StopCode::essential_container_exited, "EssentialContainerExited"},
    {StopCode::user_initiated, "UserInitiated"},
    {StopCode::service_scheduler_initiated, "ServiceSchedulerInitiated"},
    {StopCode::spot_interruption, "SpotInterruption"},
    {StopCode::termination_notice, "TerminationNotice"},
};
constexpr EnumName<SchedulingStrategy> scheduling_strategies[] = {{SchedulingStrategy::replica, "REPLICA"},
                                                                  {SchedulingStrategy::daemon, "DAEMON"}};
constexpr EnumName<RolloutState> rollout_states[] = {{RolloutState::completed, "COMPLETED"},
                                                     {RolloutState::failed, "FAILED"},
                                                     {RolloutState::in_progress, "IN_PROGRESS"}};
constexpr EnumName<DeploymentStatus> deployment_statuses[] = {{DeploymentStatus::primary, "PRIMARY"},
                                                              {DeploymentStatus::active, "ACTIVE"},
                                                              {DeploymentStatus::inactive, "INACTIVE"}};
constexpr EnumName<ServiceStatus> service_statuses[] = {{ServiceStatus::active, "ACTIVE"},
                                                        {ServiceStatus::draining, "DRAINING"},
                                                        {ServiceStatus::inactive, "INACTIVE"}};
constexpr EnumName<PropagateTags> propagate_tags_names[] = {
    {PropagateTags::none, "NONE"},
    {PropagateTags::service, "SERVICE"},
    {PropagateTags::task_definition, "TASK_DEFINITION"}};
constexpr EnumName<ClusterStatus> cluster_statuses[] = {{ClusterStatus::active, "ACTIVE"},
                                                        {ClusterStatus::inactive, "INACTIVE"}};
constexpr EnumName<ContainerInstanceStatus> instance_statuses[] = {
    {ContainerInstanceStatus::active, "ACTIVE"},
    {ContainerInstanceStatus::draining, "DRAINING"},
    {ContainerInstanceStatus::inactive, "INACTIVE"}};
constexpr EnumName<TaskDefinitionStatus> definition_statuses[] = {
    {TaskDefinitionStatus::active, "ACTIVE"},
    {TaskDefinitionStatus::inactive, "INACTIVE"},
    {TaskDefinitionStatus::delete_in_progress, "DELETE_IN_PROGRESS"}};

}  // namespace

std::span<const EnumName<TaskStatus>> enum_names(TaskStatus) {
  return task_statuses;
}
std::span<const EnumName<DesiredStatus>> enum_names(DesiredStatus) {
  return desired_statuses;
}
std::span<const EnumName<HealthStatus>> enum_names(HealthStatus) {
  return health_statuses;
}
std::span<const EnumName<LaunchType>> enum_names(LaunchType) {
  return launch_types;
}
std::span<const EnumName<StopCode>> enum_names(StopCode) {
  return stop_codes;
}
std::span<const EnumName<SchedulingStrategy>> enum_names(SchedulingStrategy) {
  return scheduling_strategies;
}
std::span<const EnumName<RolloutState>> enum_names(RolloutState) {
  return rollout_states;
}
std::span<const EnumName<DeploymentStatus>> enum_names(DeploymentStatus) {
  return deployment_statuses;
}
std::span<const EnumName<ServiceStatus>> enum_names(ServiceStatus) {
  return service_statuses;
}
std::span<const EnumName<PropagateTags>> enum_names(PropagateTags) {
  return propagate_tags_names;
}
std::span<const EnumName<ClusterStatus>> enum_names(ClusterStatus) {
  return cluster_statuses;
}
std::span<const EnumName<ContainerInstanceStatus>> enum_names(ContainerInstanceStatus) {
  return instance_statuses;
}
std::span<const EnumName<TaskDefinitionStatus>> enum_names(TaskDefinitionStatus) {
  return definition_statuses;
}

std::optional<Arn> parse_arn(std::string_view text) {
  std::vector<std::string_view> parts;
  while (parts.size() < 5) {
    const auto colon = text.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    parts.push_back(text.substr(0, colon));
    text.remove_prefix(colon + 1);
  }
  const auto slash = text.find('/');
  if (parts[0] != "arn" || slash == std::string_view::npos || slash == 0 || slash + 1 == text.size()) {
    return std::nullopt;
  }
  return Arn{std::string(parts[1]),
             std::string(parts[2]),
             std::string(parts[3]),
             std::string(parts[4]),
             std::string(text.substr(0, slash)),
             std::string(text.substr(slash + 1))};
}

std::string_view short_name(std::string_view id_or_arn) {
  const auto slash = id_or_arn.rfind('/');
  return slash == std::string_view::npos ? id_or_arn : id_or_arn.substr(slash + 1);
}

}  // namespace gantry::api
