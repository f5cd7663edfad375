#pragma once

#include "api/ecs_cluster.h"
#include "api/ecs_service.h"
#include "api/ecs_task.h"
#include "api/ecs_task_definition.h"
#include "base/json.h"

// The requests of the ECS operations, by operation name. Enumerations stay strings here, because each
// operation has its own text for a value that it doesn't know. `unsupported` names members that were given
// and that gantry can't honour.

namespace gantry::api {

struct PageRequest {
  std::string next_token;
  std::optional<int> max_results;
};

struct CreateClusterRequest {
  std::string cluster_name;
  std::vector<Tag> tags;
  std::vector<KeyValuePair> settings;
  std::vector<std::string> unsupported;
};
struct ClusterRequest {  // DeleteCluster
  std::string cluster;
};
struct DescribeClustersRequest {
  std::vector<std::string> clusters;
  std::vector<std::string> include;
};
struct ListClustersRequest {
  PageRequest page;
};
struct UpdateClusterRequest {  // UpdateCluster, UpdateClusterSettings
  std::string cluster;
  std::vector<KeyValuePair> settings;
  std::vector<std::string> unsupported;
};

struct TaskDefinitionRequest {  // DescribeTaskDefinition, DeregisterTaskDefinition
  std::string task_definition;
  std::vector<std::string> include;
};
struct ListTaskDefinitionsRequest {
  std::string family_prefix;
  std::string status;
  std::string sort;
  PageRequest page;
};
struct DeleteTaskDefinitionsRequest {
  std::vector<std::string> task_definitions;
};

struct RunTaskRequest {  // RunTask, and StartTask with container_instances
  std::string cluster;
  std::string task_definition;
  std::optional<int> count;
  std::vector<std::string> container_instances;
  bool enable_ecs_managed_tags = false;
  bool enable_execute_command = false;
  std::string group;
  std::string launch_type;
  std::string network_configuration;  // as JSON text; empty: absent
  TaskOverride overrides;
  size_t overrides_size = 0;  // characters of its JSON
  std::vector<PlacementConstraint> placement_constraints;
  std::vector<PlacementStrategy> placement_strategy;
  std::string propagate_tags;
  std::string started_by;
  std::string reference_id;  // without effect, also in ECS
  std::vector<Tag> tags;
  std::string client_token;
  std::vector<std::string> unsupported;
};
struct StopTaskRequest {
  std::string cluster;
  std::string task;
  std::string reason;
};
struct DescribeTasksRequest {
  std::string cluster;
  std::vector<std::string> tasks;
  std::vector<std::string> include;
};
struct ListTasksRequest {
  std::string cluster;
  std::string container_instance;
  std::string family;
  std::string started_by;
  std::string service_name;
  std::string desired_status;
  std::string launch_type;
  PageRequest page;
  std::vector<std::string> unsupported;
};

struct CreateServiceRequest {
  std::string cluster;
  std::string service_name;
  std::string task_definition;
  std::optional<int> desired_count;
  std::string client_token;
  std::string launch_type;
  std::string platform_version;
  std::string role;
  std::optional<DeploymentConfiguration> deployment_configuration;
  std::vector<PlacementConstraint> placement_constraints;
  std::vector<PlacementStrategy> placement_strategy;
  std::optional<int> health_check_grace_period_seconds;
  std::string scheduling_strategy;
  std::string deployment_controller;  // its type
  std::vector<Tag> tags;
  bool enable_ecs_managed_tags = false;
  std::string propagate_tags;
  bool enable_execute_command = false;
  std::string availability_zone_rebalancing;
  std::string network_configuration;
  std::vector<std::string> unsupported;
};
struct UpdateServiceRequest {
  std::string cluster;
  std::string service;
  std::optional<int> desired_count;
  std::string task_definition;
  std::optional<DeploymentConfiguration> deployment_configuration;
  std::optional<std::vector<PlacementConstraint>> placement_constraints;  // [] clears
  std::optional<std::vector<PlacementStrategy>> placement_strategy;
  bool force_new_deployment = false;
  std::optional<int> health_check_grace_period_seconds;
  std::optional<bool> enable_execute_command;
  std::optional<bool> enable_ecs_managed_tags;
  std::string propagate_tags;
  std::string availability_zone_rebalancing;
  std::string deployment_controller;
  std::string network_configuration;
  std::vector<std::string> unsupported;
};
struct DeleteServiceRequest {
  std::string cluster;
  std::string service;
  bool force = false;
};
struct DescribeServicesRequest {
  std::string cluster;
  std::vector<std::string> services;
  std::vector<std::string> include;
};
struct ListServicesRequest {
  std::string cluster;
  std::string launch_type;
  std::string scheduling_strategy;
  std::string resource_management_type;  // CUSTOMER, ECS
  PageRequest page;
};

struct TimeRange {
  std::optional<EpochSeconds> before;
  std::optional<EpochSeconds> after;
};
struct ListServiceDeploymentsRequest {
  std::string cluster;
  std::string service;
  std::vector<std::string> status;
  TimeRange created_at;
  PageRequest page;
};
struct DescribeServiceDeploymentsRequest {
  std::vector<std::string> service_deployment_arns;
};

struct RegisterContainerInstanceRequest {
  std::string cluster;
  std::string instance_identity_document;
  std::vector<Resource> total_resources;
  std::optional<VersionInfo> version_info;
  std::string container_instance_arn;
  std::vector<Attribute> attributes;
  std::vector<Tag> tags;
  std::vector<std::string> unsupported;
};
struct DescribeContainerInstancesRequest {
  std::string cluster;
  std::vector<std::string> container_instances;
  std::vector<std::string> include;
};
struct ListContainerInstancesRequest {
  std::string cluster;
  std::string filter;
  std::string status;
  PageRequest page;
};
struct UpdateContainerInstancesStateRequest {
  std::string cluster;
  std::vector<std::string> container_instances;
  std::string status;
};
struct DeregisterContainerInstanceRequest {
  std::string cluster;
  std::string container_instance;
  bool force = false;
};
struct DiscoverPollEndpointRequest {
  std::string cluster;
  std::string container_instance;
};

struct ContainerChangeRequest {
  std::string container_name;
  std::string image_digest;
  std::string runtime_id;
  std::optional<int> exit_code;
  std::vector<NetworkBinding> network_bindings;
  std::string reason;
  std::string status;
};
struct SubmitTaskStateChangeRequest {
  std::string cluster;
  std::string task;
  std::string status;
  std::string reason;
  std::vector<ContainerChangeRequest> containers;
  std::optional<EpochSeconds> pull_started_at;
  std::optional<EpochSeconds> pull_stopped_at;
  std::optional<EpochSeconds> execution_stopped_at;
  std::vector<std::string> unsupported;  // attachments, managedAgents: none were handed out
};
struct SubmitAttachmentStateChangesRequest {
  std::string cluster;
  std::vector<std::string> unsupported;  // attachments: none were handed out
};
struct SubmitContainerStateChangeRequest {
  std::string cluster;
  std::string task;
  ContainerChangeRequest container;
};

struct AttributesRequest {  // PutAttributes, DeleteAttributes
  std::string cluster;
  std::vector<Attribute> attributes;
};
struct ListAttributesRequest {
  std::string cluster;
  std::string target_type;
  std::string attribute_name;
  std::string attribute_value;
  PageRequest page;
};

struct TagResourceRequest {
  std::string resource_arn;
  std::vector<Tag> tags;
};
struct UntagResourceRequest {
  std::string resource_arn;
  std::vector<std::string> tag_keys;
};

// A request's body. Errors: invalid, naming the JSON path. Instantiated for the structs of this header.
template <class T>
Result<T> parse_request(std::string_view body);

}  // namespace gantry::api
