#pragma once

#include "api/ecs_cluster.h"
#include "api/ecs_service.h"
#include "api/ecs_task.h"
#include "api/ecs_task_definition.h"

// The answers of the ECS operations.

namespace gantry::api {

struct ClusterResponse {
  Cluster cluster;
};
struct DescribeClustersResponse {
  std::vector<Cluster> clusters;
  std::vector<Failure> failures;
};
struct TaskDefinitionResponse {
  TaskDefinition task_definition;
  std::optional<std::vector<Tag>> tags;
};
struct DeleteTaskDefinitionsResponse {
  std::vector<TaskDefinition> task_definitions;
  std::vector<Failure> failures;
};
struct TasksResponse {  // RunTask, StartTask, DescribeTasks
  std::vector<Task> tasks;
  std::vector<Failure> failures;
};
struct TaskResponse {
  Task task;
};
struct ServiceResponse {
  Service service;
};
struct DescribeServicesResponse {
  std::vector<Service> services;
  std::vector<Failure> failures;
};
// One deployment of a service as ListServiceDeployments and DescribeServiceDeployments show it.
struct ServiceDeployment {
  std::string service_deployment_arn;
  std::string service_arn;
  std::string cluster_arn;
  EpochSeconds created_at = 0;
  std::optional<EpochSeconds> finished_at;
  std::string target_service_revision_arn;
  std::string status;  // IN_PROGRESS, SUCCESSFUL, STOPPED
  std::string status_reason;
  DeploymentConfiguration deployment_configuration;
  int requested_task_count = 0;
  int running_task_count = 0;
  int pending_task_count = 0;
};
struct ListServiceDeploymentsResponse {
  std::vector<ServiceDeployment> service_deployments;
  std::string next_token;
};
struct DescribeServiceDeploymentsResponse {
  std::vector<ServiceDeployment> service_deployments;
  std::vector<Failure> failures;
};
struct ContainerInstanceResponse {
  ContainerInstance container_instance;
};
struct ContainerInstancesResponse {
  std::vector<ContainerInstance> container_instances;
  std::vector<Failure> failures;
};
struct AttributesResponse {
  std::vector<Attribute> attributes;
  std::string next_token;
};
struct TagsResponse {
  std::vector<Tag> tags;
};
struct DiscoverPollEndpointResponse {
  std::string endpoint;
  std::string telemetry_endpoint;
};
// A page of ARNs or families; `member` is the list's name: "clusterArns".
struct PageResponse {
  std::string member;
  std::vector<std::string> values;
  std::string next_token;
};

std::string to_json_text(const ClusterResponse&);
std::string to_json_text(const DescribeClustersResponse&);
std::string to_json_text(const TaskDefinitionResponse&);
std::string to_json_text(const DeleteTaskDefinitionsResponse&);
std::string to_json_text(const TasksResponse&);
std::string to_json_text(const TaskResponse&);
std::string to_json_text(const ServiceResponse&);
std::string to_json_text(const DescribeServicesResponse&);
std::string to_json_text(const ListServiceDeploymentsResponse&);
std::string to_json_text(const DescribeServiceDeploymentsResponse&);
std::string to_json_text(const ContainerInstanceResponse&);
std::string to_json_text(const ContainerInstancesResponse&);
std::string to_json_text(const AttributesResponse&);
std::string to_json_text(const TagsResponse&);
std::string to_json_text(const DiscoverPollEndpointResponse&);
std::string to_json_text(const PageResponse&);

}  // namespace gantry::api
