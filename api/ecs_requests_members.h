#pragma once

#include "api/ecs_members.h"
#include "api/ecs_requests.h"

// The member tables of requests, for …_json.cpp files only. Requests are only read.

namespace gantry::api {

template <class Visitor>
void page_members(Visitor& visit, PageRequest& page) {
  visit("nextToken", page.next_token);
  visit("maxResults", page.max_results);
}

// A member kept as JSON text, to know whether it is given.
template <class Visitor>
void text_member(Visitor& visit, std::string_view name, std::string& text) {
  RawJson raw;
  visit(name, raw);
  if (raw.text != "{}") text = raw.text;
}

template <class Visitor>
void members(Visitor& visit, CreateClusterRequest& request) {
  visit("clusterName", request.cluster_name);
  visit("tags", request.tags);
  visit("settings", request.settings);
  note_unsupported(
      visit, request.unsupported,
      {"configuration", "capacityProviders", "defaultCapacityProviderStrategy", "serviceConnectDefaults"});
}

template <class Visitor>
void members(Visitor& visit, ClusterRequest& request) {
  visit("cluster", request.cluster);
}

template <class Visitor>
void members(Visitor& visit, DescribeClustersRequest& request) {
  visit("clusters", request.clusters);
  visit("include", request.include);
}

template <class Visitor>
void members(Visitor& visit, ListClustersRequest& request) {
  page_members(visit, request.page);
}

template <class Visitor>
void members(Visitor& visit, UpdateClusterRequest& request) {
  visit("cluster", request.cluster);
  visit("settings", request.settings);
  note_unsupported(visit, request.unsupported, {"configuration", "serviceConnectDefaults"});
}

template <class Visitor>
void members(Visitor& visit, TaskDefinitionRequest& request) {
  visit("taskDefinition", request.task_definition);
  visit("include", request.include);
}

template <class Visitor>
void members(Visitor& visit, ListTaskDefinitionsRequest& request) {
  visit("familyPrefix", request.family_prefix);
  visit("status", request.status);
  visit("sort", request.sort);
  page_members(visit, request.page);
}

template <class Visitor>
void members(Visitor& visit, DeleteTaskDefinitionsRequest& request) {
  visit("taskDefinitions", request.task_definitions);
}

template <class Visitor>
void members(Visitor& visit, RunTaskRequest& request) {
  visit("cluster", request.cluster);
  visit("taskDefinition", request.task_definition);
  visit("count", request.count);
  visit("containerInstances", request.container_instances);
  visit("enableECSManagedTags", request.enable_ecs_managed_tags);
  visit("enableExecuteCommand", request.enable_execute_command);
  visit("group", request.group);
  visit("launchType", request.launch_type);
  text_member(visit, "networkConfiguration", request.network_configuration);
  visit("overrides", request.overrides);
  RawJson overrides;
  visit("overrides", overrides);
  request.overrides_size = overrides.text.size();
  visit("placementConstraints", request.placement_constraints);
  visit("placementStrategy", request.placement_strategy);
  visit("propagateTags", request.propagate_tags);
  visit("startedBy", request.started_by);
  visit("referenceId", request.reference_id);
  visit("tags", request.tags);
  visit("clientToken", request.client_token);
  note_unsupported(visit, request.unsupported,
                   {"capacityProviderStrategy", "volumeConfigurations", "platformVersion"});
}

template <class Visitor>
void members(Visitor& visit, StopTaskRequest& request) {
  visit("cluster", request.cluster);
  visit("task", request.task);
  visit("reason", request.reason);
}

template <class Visitor>
void members(Visitor& visit, DescribeTasksRequest& request) {
  visit("cluster", request.cluster);
  visit("tasks", request.tasks);
  visit("include", request.include);
}

template <class Visitor>
void members(Visitor& visit, ListTasksRequest& request) {
  visit("cluster", request.cluster);
  visit("containerInstance", request.container_instance);
  visit("family", request.family);
  visit("startedBy", request.started_by);
  visit("serviceName", request.service_name);
  visit("desiredStatus", request.desired_status);
  visit("launchType", request.launch_type);
  page_members(visit, request.page);
  note_unsupported(visit, request.unsupported, {"daemonName"});
}

template <class Visitor>
void controller_member(Visitor& visit, std::string& type) {
  std::optional<EcsController> controller;
  visit("deploymentController", controller);
  if (controller) type = controller->type;
}

template <class Visitor>
void members(Visitor& visit, CreateServiceRequest& request) {
  visit("cluster", request.cluster);
  visit("serviceName", request.service_name);
  visit("taskDefinition", request.task_definition);
  visit("desiredCount", request.desired_count);
  visit("clientToken", request.client_token);
  visit("launchType", request.launch_type);
  visit("platformVersion", request.platform_version);
  visit("role", request.role);
  visit("deploymentConfiguration", request.deployment_configuration);
  visit("placementConstraints", request.placement_constraints);
  visit("placementStrategy", request.placement_strategy);
  visit("healthCheckGracePeriodSeconds", request.health_check_grace_period_seconds);
  visit("schedulingStrategy", request.scheduling_strategy);
  controller_member(visit, request.deployment_controller);
  visit("tags", request.tags);
  visit("enableECSManagedTags", request.enable_ecs_managed_tags);
  visit("propagateTags", request.propagate_tags);
  visit("enableExecuteCommand", request.enable_execute_command);
  visit("availabilityZoneRebalancing", request.availability_zone_rebalancing);
  text_member(visit, "networkConfiguration", request.network_configuration);
  note_unsupported(visit, request.unsupported,
                   {"loadBalancers", "serviceRegistries", "capacityProviderStrategy",
                    "serviceConnectConfiguration", "volumeConfigurations", "vpcLatticeConfigurations"});
}

template <class Visitor>
void members(Visitor& visit, UpdateServiceRequest& request) {
  visit("cluster", request.cluster);
  visit("service", request.service);
  visit("desiredCount", request.desired_count);
  visit("taskDefinition", request.task_definition);
  visit("deploymentConfiguration", request.deployment_configuration);
  visit("placementConstraints", request.placement_constraints);
  visit("placementStrategy", request.placement_strategy);
  visit("forceNewDeployment", request.force_new_deployment);
  visit("healthCheckGracePeriodSeconds", request.health_check_grace_period_seconds);
  visit("enableExecuteCommand", request.enable_execute_command);
  visit("enableECSManagedTags", request.enable_ecs_managed_tags);
  visit("propagateTags", request.propagate_tags);
  visit("availabilityZoneRebalancing", request.availability_zone_rebalancing);
  controller_member(visit, request.deployment_controller);
  text_member(visit, "networkConfiguration", request.network_configuration);
  note_unsupported(visit, request.unsupported,
                   {"loadBalancers", "serviceRegistries", "capacityProviderStrategy", "platformVersion",
                    "serviceConnectConfiguration", "volumeConfigurations", "vpcLatticeConfigurations"});
}

template <class Visitor>
void members(Visitor& visit, DeleteServiceRequest& request) {
  visit("cluster", request.cluster);
  visit("service", request.service);
  visit("force", request.force);
}

template <class Visitor>
void members(Visitor& visit, DescribeServicesRequest& request) {
  visit("cluster", request.cluster);
  visit("services", request.services);
  visit("include", request.include);
}

template <class Visitor>
void members(Visitor& visit, ListServicesRequest& request) {
  visit("cluster", request.cluster);
  visit("launchType", request.launch_type);
  visit("schedulingStrategy", request.scheduling_strategy);
  visit("resourceManagementType", request.resource_management_type);
  page_members(visit, request.page);
}

template <class Visitor>
void members(Visitor& visit, TimeRange& range) {
  visit("before", range.before);
  visit("after", range.after);
}

template <class Visitor>
void members(Visitor& visit, ListServiceDeploymentsRequest& request) {
  visit("cluster", request.cluster);
  visit("service", request.service);
  visit("status", request.status);
  visit("createdAt", request.created_at);
  page_members(visit, request.page);
}

template <class Visitor>
void members(Visitor& visit, DescribeServiceDeploymentsRequest& request) {
  visit("serviceDeploymentArns", request.service_deployment_arns);
}

template <class Visitor>
void members(Visitor& visit, RegisterContainerInstanceRequest& request) {
  visit("cluster", request.cluster);
  visit("instanceIdentityDocument", request.instance_identity_document);
  visit("totalResources", request.total_resources);
  visit("versionInfo", request.version_info);
  visit("containerInstanceArn", request.container_instance_arn);
  visit("attributes", request.attributes);
  visit("tags", request.tags);
  note_unsupported(visit, request.unsupported, {"platformDevices"});
}

template <class Visitor>
void members(Visitor& visit, DescribeContainerInstancesRequest& request) {
  visit("cluster", request.cluster);
  visit("containerInstances", request.container_instances);
  visit("include", request.include);
}

template <class Visitor>
void members(Visitor& visit, ListContainerInstancesRequest& request) {
  visit("cluster", request.cluster);
  visit("filter", request.filter);
  visit("status", request.status);
  page_members(visit, request.page);
}

template <class Visitor>
void members(Visitor& visit, UpdateContainerInstancesStateRequest& request) {
  visit("cluster", request.cluster);
  visit("containerInstances", request.container_instances);
  visit("status", request.status);
}

template <class Visitor>
void members(Visitor& visit, DeregisterContainerInstanceRequest& request) {
  visit("cluster", request.cluster);
  visit("containerInstance", request.container_instance);
  visit("force", request.force);
}

template <class Visitor>
void members(Visitor& visit, DiscoverPollEndpointRequest& request) {
  visit("cluster", request.cluster);
  visit("containerInstance", request.container_instance);
}

template <class Visitor>
void members(Visitor& visit, ContainerChangeRequest& change) {
  visit("containerName", change.container_name);
  visit("imageDigest", change.image_digest);
  visit("runtimeId", change.runtime_id);
  visit("exitCode", change.exit_code);
  visit("networkBindings", change.network_bindings);
  visit("reason", change.reason);
  visit("status", change.status);
}

template <class Visitor>
void members(Visitor& visit, SubmitTaskStateChangeRequest& request) {
  visit("cluster", request.cluster);
  visit("task", request.task);
  visit("status", request.status);
  visit("reason", request.reason);
  visit("containers", request.containers);
  visit("pullStartedAt", request.pull_started_at);
  visit("pullStoppedAt", request.pull_stopped_at);
  visit("executionStoppedAt", request.execution_stopped_at);
  note_unsupported(visit, request.unsupported, {"attachments", "managedAgents"});
}

template <class Visitor>
void members(Visitor& visit, SubmitAttachmentStateChangesRequest& request) {
  visit("cluster", request.cluster);
  note_unsupported(visit, request.unsupported, {"attachments"});
}

template <class Visitor>
void members(Visitor& visit, SubmitContainerStateChangeRequest& request) {
  visit("cluster", request.cluster);
  visit("task", request.task);
  members(visit, request.container);
}

template <class Visitor>
void members(Visitor& visit, AttributesRequest& request) {
  visit("cluster", request.cluster);
  visit("attributes", request.attributes);
}

template <class Visitor>
void members(Visitor& visit, ListAttributesRequest& request) {
  visit("cluster", request.cluster);
  visit("targetType", request.target_type);
  visit("attributeName", request.attribute_name);
  visit("attributeValue", request.attribute_value);
  page_members(visit, request.page);
}

template <class Visitor>
void members(Visitor& visit, TagResourceRequest& request) {
  visit("resourceArn", request.resource_arn);
  visit("tags", request.tags);
}

template <class Visitor>
void members(Visitor& visit, UntagResourceRequest& request) {
  visit("resourceArn", request.resource_arn);
  visit("tagKeys", request.tag_keys);
}

}  // namespace gantry::api
