#pragma once

#include "api/ecs_cluster.h"
#include "api/ecs_service.h"
#include "api/ecs_task.h"
#include "api/unsupported_members.h"
#include "base/json.h"

// The member tables of the ECS shapes, for …_json.cpp files only (they are templates over heavy ones).
// `always` writes a list that AWS answers as [] when it is empty.

namespace gantry::api {

template <class Visitor>
void members(Visitor& visit, Tag& tag) {
  visit("key", tag.key);
  visit.always("value", tag.value);
}

template <class Visitor>
void members(Visitor& visit, KeyValuePair& pair) {
  visit("name", pair.name);
  visit.always("value", pair.value);
}

template <class Visitor>
void members(Visitor& visit, Attribute& attribute) {
  visit("name", attribute.name);
  visit("value", attribute.value);
  visit("targetType", attribute.target_type);
  visit("targetId", attribute.target_id);
}

template <class Visitor>
void members(Visitor& visit, Resource& resource) {
  visit("name", resource.name);
  visit("type", resource.type);
  visit("doubleValue", resource.double_value);
  visit("longValue", resource.long_value);
  visit("integerValue", resource.integer_value);
  if (Visitor::reading || resource.type == "STRINGSET") {
    visit.always("stringSetValue", resource.string_set_value);
  }
}

template <class Visitor>
void members(Visitor& visit, VersionInfo& version) {
  visit("agentVersion", version.agent_version);
  visit("agentHash", version.agent_hash);
  visit("dockerVersion", version.docker_version);
}

template <class Visitor>
void members(Visitor& visit, Failure& failure) {
  visit("arn", failure.arn);
  visit("reason", failure.reason);
  visit("detail", failure.detail);
}

template <class Visitor>
void members(Visitor& visit, NetworkBinding& binding) {
  visit("bindIP", binding.bind_ip);
  visit("containerPort", binding.container_port);
  visit("hostPort", binding.host_port);
  visit("protocol", binding.protocol);
  visit("containerPortRange", binding.container_port_range);
  visit("hostPortRange", binding.host_port_range);
}

template <class Visitor>
void members(Visitor& visit, PlacementConstraint& constraint) {
  visit("type", constraint.type);
  visit("expression", constraint.expression);
}

template <class Visitor>
void members(Visitor& visit, PlacementStrategy& strategy) {
  visit("type", strategy.type);
  visit("field", strategy.field);
}

template <class Visitor>
void members(Visitor& visit, ContainerOverride& override) {
  visit("name", override.name);
  visit("command", override.command);
  visit("environment", override.environment);
  visit("cpu", override.cpu);
  visit("memory", override.memory);
  visit("memoryReservation", override.memory_reservation);
  note_unsupported(visit, override.unsupported, {"environmentFiles", "resourceRequirements"});
}

template <class Visitor>
void members(Visitor& visit, TaskOverride& override) {
  visit.always("containerOverrides", override.container_overrides);
  visit("cpu", override.cpu);
  visit("memory", override.memory);
  visit("executionRoleArn", override.execution_role_arn);
  std::vector<KeyValuePair> none;  // inference accelerators are gone, and clients expect the empty list
  if (!Visitor::reading) visit.always("inferenceAcceleratorOverrides", none);
  note_unsupported(visit, override.unsupported,
                   {"inferenceAcceleratorOverrides", "taskRoleArn", "ephemeralStorage"});
}

template <class Visitor>
void members(Visitor& visit, Container& container) {
  visit("containerArn", container.container_arn);
  visit("taskArn", container.task_arn);
  visit("name", container.name);
  visit("image", container.image);
  visit("imageDigest", container.image_digest);
  visit("runtimeId", container.runtime_id);
  visit("lastStatus", container.last_status);
  visit("exitCode", container.exit_code);
  visit("reason", container.reason);
  visit.always("networkBindings", container.network_bindings);
  std::vector<KeyValuePair> none;
  if (!Visitor::reading) visit.always("networkInterfaces", none);
  visit("healthStatus", container.health_status);
  visit("cpu", container.cpu);
  visit("memory", container.memory);
  visit("memoryReservation", container.memory_reservation);
}

template <class Visitor>
void members(Visitor& visit, Task& task) {
  std::vector<KeyValuePair> none;
  if (!Visitor::reading) visit.always("attachments", none);
  visit.always("attributes", task.attributes);
  visit("availabilityZone", task.availability_zone);
  visit("clusterArn", task.cluster_arn);
  visit("connectivity", task.connectivity);
  visit("connectivityAt", task.connectivity_at);
  visit("containerInstanceArn", task.container_instance_arn);
  visit.always("containers", task.containers);
  visit("cpu", task.cpu);
  visit("memory", task.memory);
  visit("createdAt", task.created_at);
  visit("desiredStatus", task.desired_status);
  visit("enableExecuteCommand", task.enable_execute_command);
  visit("executionStoppedAt", task.execution_stopped_at);
  visit("group", task.group);
  visit("healthStatus", task.health_status);
  visit("lastStatus", task.last_status);
  visit("launchType", task.launch_type);
  visit("overrides", task.overrides);
  visit("pullStartedAt", task.pull_started_at);
  visit("pullStoppedAt", task.pull_stopped_at);
  visit("startedAt", task.started_at);
  visit("startedBy", task.started_by);
  visit("stopCode", task.stop_code);
  visit("stoppedAt", task.stopped_at);
  visit("stoppedReason", task.stopped_reason);
  visit("stoppingAt", task.stopping_at);
  visit.always("tags", task.tags);
  visit("taskArn", task.task_arn);
  visit("taskDefinitionArn", task.task_definition_arn);
  visit("version", task.version);
}

template <class Visitor>
void members(Visitor& visit, DeploymentCircuitBreaker& breaker) {
  visit("enable", breaker.enable);
  visit("rollback", breaker.rollback);
}

// Alarms that aren't enabled ask for nothing, and some clients always send them.
struct DisabledAlarms {
  bool enable = false;
};
template <class Visitor>
void members(Visitor& visit, DisabledAlarms& alarms) {
  visit("enable", alarms.enable);
}

template <class Visitor>
void members(Visitor& visit, DeploymentConfiguration& configuration) {
  visit("deploymentCircuitBreaker", configuration.deployment_circuit_breaker);
  visit("maximumPercent", configuration.maximum_percent);
  visit("minimumHealthyPercent", configuration.minimum_healthy_percent);
  visit("strategy", configuration.strategy);
  note_unsupported(visit, configuration.unsupported,
                   {"lifecycleHooks", "linearConfiguration", "canaryConfiguration"});
  if constexpr (Visitor::reading) {
    DisabledAlarms alarms;
    visit("alarms", alarms);
    if (alarms.enable) configuration.unsupported.emplace_back("alarms");
    int bake_time = 0;
    visit("bakeTimeInMinutes", bake_time);
    if (bake_time != 0) configuration.unsupported.emplace_back("bakeTimeInMinutes");
  }
}

template <class Visitor>
void members(Visitor& visit, Deployment& deployment) {
  visit("id", deployment.id);
  visit("status", deployment.status);
  visit("taskDefinition", deployment.task_definition);
  visit("desiredCount", deployment.desired_count);
  visit("pendingCount", deployment.pending_count);
  visit("runningCount", deployment.running_count);
  visit("failedTasks", deployment.failed_tasks);
  visit("createdAt", deployment.created_at);
  visit("updatedAt", deployment.updated_at);
  visit("launchType", deployment.launch_type);
  visit("rolloutState", deployment.rollout_state);
  visit("rolloutStateReason", deployment.rollout_state_reason);
}

template <class Visitor>
void members(Visitor& visit, ServiceEvent& event) {
  visit("id", event.id);
  visit("createdAt", event.created_at);
  visit("message", event.message);
}

// DeploymentController {type: ECS}, the only one here.
struct EcsController {
  std::string type = "ECS";
};
template <class Visitor>
void members(Visitor& visit, EcsController& controller) {
  visit("type", controller.type);
}

template <class Visitor>
void members(Visitor& visit, Service& service) {
  visit("serviceArn", service.service_arn);
  visit("serviceName", service.service_name);
  visit("clusterArn", service.cluster_arn);
  if constexpr (!Visitor::reading) {
    std::vector<KeyValuePair> none;
    visit.always("loadBalancers", none);
    visit.always("serviceRegistries", none);
    EcsController controller;
    visit("deploymentController", controller);
  }
  visit("status", service.status);
  visit("desiredCount", service.desired_count);
  visit("runningCount", service.running_count);
  visit("pendingCount", service.pending_count);
  visit("launchType", service.launch_type);
  visit("taskDefinition", service.task_definition);
  visit("deploymentConfiguration", service.deployment_configuration);
  visit.always("deployments", service.deployments);
  visit.always("events", service.events);
  visit("createdAt", service.created_at);
  visit.always("placementConstraints", service.placement_constraints);
  visit.always("placementStrategy", service.placement_strategy);
  visit("healthCheckGracePeriodSeconds", service.health_check_grace_period_seconds);
  visit("schedulingStrategy", service.scheduling_strategy);
  visit("tags", service.tags);
  visit("enableECSManagedTags", service.enable_ecs_managed_tags);
  visit("propagateTags", service.propagate_tags);
  visit("enableExecuteCommand", service.enable_execute_command);
  visit("availabilityZoneRebalancing", service.availability_zone_rebalancing);
}

template <class Visitor>
void members(Visitor& visit, Cluster& cluster) {
  visit("clusterArn", cluster.cluster_arn);
  visit("clusterName", cluster.cluster_name);
  visit("status", cluster.status);
  visit("registeredContainerInstancesCount", cluster.registered_container_instances_count);
  visit("runningTasksCount", cluster.running_tasks_count);
  visit("pendingTasksCount", cluster.pending_tasks_count);
  visit("activeServicesCount", cluster.active_services_count);
  visit.always("statistics", cluster.statistics);
  visit.always("tags", cluster.tags);
  visit.always("settings", cluster.settings);
  if constexpr (!Visitor::reading) {
    std::vector<std::string> none;
    visit.always("capacityProviders", none);
    visit.always("defaultCapacityProviderStrategy", none);
  }
}

struct InstanceHealth {
  std::string overall_status;
};
template <class Visitor>
void members(Visitor& visit, InstanceHealth& health) {
  visit("overallStatus", health.overall_status);
  std::vector<KeyValuePair> none;
  visit.always("details", none);
}

template <class Visitor>
void members(Visitor& visit, ContainerInstance& instance) {
  visit("containerInstanceArn", instance.container_instance_arn);
  visit("ec2InstanceId", instance.ec2_instance_id);
  visit("version", instance.version);
  visit("versionInfo", instance.version_info);
  visit.always("remainingResources", instance.remaining_resources);
  visit.always("registeredResources", instance.registered_resources);
  visit("status", instance.status);
  visit("statusReason", instance.status_reason);
  visit("agentConnected", instance.agent_connected);
  visit("runningTasksCount", instance.running_tasks_count);
  visit("pendingTasksCount", instance.pending_tasks_count);
  visit.always("attributes", instance.attributes);
  visit("registeredAt", instance.registered_at);
  if constexpr (!Visitor::reading) {
    std::vector<KeyValuePair> none;
    visit.always("attachments", none);
    InstanceHealth health{instance.overall_health};
    if (!health.overall_status.empty()) visit("healthStatus", health);
  }
  visit.always("tags", instance.tags);
}

}  // namespace gantry::api
