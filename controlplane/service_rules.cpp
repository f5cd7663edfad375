#include "controlplane/service_rules.h"

#include "api/task_definition_rules.h"
#include "base/format.h"
#include "controlplane/placement.h"

#include <algorithm>

namespace gantry::controlplane {
namespace {

using api::SchedulingStrategy;

AwsResult<void> check_controller(const std::string& type) {
  if (type.empty() || type == "ECS") return {};
  if (type == "CODE_DEPLOY" || type == "EXTERNAL")
    return not_supported(format("Deployment controller {}", type));
  return invalid_parameter("Deployment controller type should be one of [ECS,CODE_DEPLOY,EXTERNAL].");
}

AwsResult<void> check_deployment_configuration(
    const std::optional<api::DeploymentConfiguration>& configuration) {
  if (!configuration) return {};
  for (const auto& name : configuration->unsupported) return not_supported("deploymentConfiguration." + name);
  const auto& strategy = configuration->strategy;
  if (!strategy.empty() && strategy != "ROLLING")
    return not_supported(format("Deployment strategy {}", strategy));
  const int minimum = configuration->minimum_healthy_percent.value_or(0);
  const int maximum = configuration->maximum_percent.value_or(100);
  if (minimum < 0 || minimum > 100 || maximum < 0) {
    return invalid_parameter(
        "minimumHealthyPercent must be between 0 and 100, and maximumPercent at least 0.");
  }
  return {};
}

AwsResult<void> check_strategies(const std::vector<api::PlacementConstraint>& constraints,
                                 const std::vector<api::PlacementStrategy>& strategies) {
  if (constraints.size() > 10) return invalid_parameter("At most 10 placement constraints can be given.");
  if (strategies.size() > 5) return invalid_parameter("At most 5 placement strategies can be given.");
  const auto valid = check_placement(constraints, strategies);
  if (!valid) return invalid_parameter(valid.error().message());
  return {};
}

AwsResult<void> check_network(const std::string& configuration) {
  if (configuration.empty()) return {};
  return invalid_parameter(
      "Network Configuration is not valid for the given networkMode of this task definition.");
}

template <class E>
AwsResult<E> parse_name(std::string_view what, const std::string& name, E fallback) {
  if (name.empty()) return fallback;
  if (const auto value = enum_value<E>(name)) return *value;
  std::string names;
  for (const auto& entry : enum_names(E{})) names += (names.empty() ? "" : ",") + std::string(entry.name);
  return invalid_parameter(format("{} should be one of [{}]", what, names));
}

AwsResult<void> check_daemon(const api::CreateServiceRequest& request) {
  if (request.desired_count) return invalid_parameter("A DAEMON service can't have a desiredCount.");
  if (!request.placement_strategy.empty()) {
    return invalid_parameter("A DAEMON service can't have a placementStrategy.");
  }
  for (const auto& constraint : request.placement_constraints) {
    if (constraint.type == "distinctInstance") {
      return invalid_parameter("A DAEMON service can't have the placement constraint distinctInstance.");
    }
  }
  return {};
}

AwsResult<int> checked_count(int count, int most) {
  if (count < 0) return invalid_parameter("Desired count cannot be negative.");
  if (count > most) return invalid_parameter(format("Desired count cannot be more than {}.", most));
  return count;
}

// Given settings over those in force; a percentage that isn't given keeps its value.
void merge(api::DeploymentConfiguration& into, const std::optional<api::DeploymentConfiguration>& given) {
  if (!given) return;
  if (given->maximum_percent) into.maximum_percent = given->maximum_percent;
  if (given->minimum_healthy_percent) into.minimum_healthy_percent = given->minimum_healthy_percent;
  if (given->deployment_circuit_breaker) into.deployment_circuit_breaker = given->deployment_circuit_breaker;
}

AwsResult<void> check_rebalancing(const std::string& value) {
  if (value.empty() || value == "ENABLED" || value == "DISABLED") return {};
  return invalid_parameter("availabilityZoneRebalancing should be one of [ENABLED,DISABLED].");
}

AwsResult<void> check_grace_period(const std::optional<int>& seconds) {
  if (!seconds || *seconds >= 0) return {};
  return invalid_parameter("healthCheckGracePeriodSeconds cannot be negative.");
}

api::DeploymentConfiguration default_configuration(bool daemon) {
  api::DeploymentConfiguration configuration;
  configuration.maximum_percent = daemon ? 100 : 200;
  configuration.minimum_healthy_percent = daemon ? 0 : 100;
  configuration.deployment_circuit_breaker = api::DeploymentCircuitBreaker{};
  configuration.strategy = "ROLLING";
  return configuration;
}

}  // namespace

AwsResult<void> check_create_service(const api::CreateServiceRequest& request) {
  if (request.service_name.empty()) return invalid_parameter("Service name cannot be empty.");
  if (!api::is_valid_name(request.service_name)) {
    return invalid_parameter("Service names must be 1 to 255 letters, numbers, hyphens and underscores.");
  }
  TRY(check_supported(request.unsupported));
  TRY(check_controller(request.deployment_controller));
  TRY(check_deployment_configuration(request.deployment_configuration));
  TRY(check_strategies(request.placement_constraints, request.placement_strategy));
  TRY(check_network(request.network_configuration));
  TRY(check_rebalancing(request.availability_zone_rebalancing));
  TRY(check_grace_period(request.health_check_grace_period_seconds));
  TRY(api::check_tags(request.tags));
  if (request.enable_execute_command) return not_supported("enableExecuteCommand");
  if (!request.role.empty()) return not_supported("role");
  if (!request.platform_version.empty()) return not_supported("platformVersion");
  if (request.client_token.size() > 36)
    return invalid_parameter("clientToken must have at most 36 characters.");
  return {};
}

AwsResult<void> check_update_service(const api::UpdateServiceRequest& request) {
  TRY(check_supported(request.unsupported));
  TRY(check_controller(request.deployment_controller));
  TRY(check_deployment_configuration(request.deployment_configuration));
  TRY(check_strategies(request.placement_constraints.value_or(std::vector<api::PlacementConstraint>{}),
                       request.placement_strategy.value_or(std::vector<api::PlacementStrategy>{})));
  TRY(check_network(request.network_configuration));
  TRY(check_rebalancing(request.availability_zone_rebalancing));
  TRY(check_grace_period(request.health_check_grace_period_seconds));
  if (request.enable_execute_command.value_or(false)) return not_supported("enableExecuteCommand");
  return {};
}

AwsResult<Service> new_service(const api::CreateServiceRequest& request, int most_tasks) {
  Service service;
  service.service_name = request.service_name;
  service.scheduling_strategy =
      TRY(parse_name("schedulingStrategy", request.scheduling_strategy, SchedulingStrategy::replica));
  service.launch_type = TRY(parse_name("launch type", request.launch_type, api::LaunchType::ec2));
  if (service.launch_type == api::LaunchType::fargate) return not_supported("Launch type FARGATE");
  const bool daemon = service.scheduling_strategy == SchedulingStrategy::daemon;
  if (daemon) {
    TRY(check_daemon(request));
  } else if (!request.desired_count) {
    return invalid_parameter("desiredCount must be given for a service with scheduling strategy REPLICA.");
  }
  service.desired_count = TRY(checked_count(request.desired_count.value_or(0), most_tasks));
  service.propagate_tags = TRY(parse_name("propagateTags", request.propagate_tags, api::PropagateTags::none));
  service.deployment_configuration = default_configuration(daemon);
  merge(service.deployment_configuration, request.deployment_configuration);
  service.placement_constraints = request.placement_constraints;
  service.placement_strategy = request.placement_strategy;
  service.health_check_grace_period_seconds = request.health_check_grace_period_seconds.value_or(0);
  service.tags = request.tags;
  service.enable_ecs_managed_tags = request.enable_ecs_managed_tags;
  service.availability_zone_rebalancing =
      request.availability_zone_rebalancing.empty() ? "ENABLED" : request.availability_zone_rebalancing;
  return service;
}

AwsResult<bool> apply_update(Service& service, const api::UpdateServiceRequest& request, int most_tasks) {
  const bool daemon = service.scheduling_strategy == SchedulingStrategy::daemon;
  if (request.desired_count) {
    if (daemon) return invalid_parameter("A DAEMON service can't have a desiredCount.");
    TRY(checked_count(*request.desired_count, most_tasks));
  }
  const auto propagate = TRY(parse_name("propagateTags", request.propagate_tags, service.propagate_tags));
  const bool managed = request.enable_ecs_managed_tags.value_or(service.enable_ecs_managed_tags);
  const bool deploys = propagate != service.propagate_tags || managed != service.enable_ecs_managed_tags;
  service.propagate_tags = propagate;
  service.enable_ecs_managed_tags = managed;
  merge(service.deployment_configuration, request.deployment_configuration);
  if (request.placement_constraints) service.placement_constraints = *request.placement_constraints;
  if (request.placement_strategy) service.placement_strategy = *request.placement_strategy;
  if (request.health_check_grace_period_seconds) {
    service.health_check_grace_period_seconds = *request.health_check_grace_period_seconds;
  }
  if (!request.availability_zone_rebalancing.empty()) {
    service.availability_zone_rebalancing = request.availability_zone_rebalancing;
  }
  return deploys;
}

}  // namespace gantry::controlplane
