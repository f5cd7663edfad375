#include "api/ecs_responses.h"
#include "api/ecs_task_definition_members.h"

namespace gantry::api {

template <class Visitor>
void members(Visitor& visit, ClusterResponse& response) {
  visit("cluster", response.cluster);
}
template <class Visitor>
void members(Visitor& visit, DescribeClustersResponse& response) {
  visit.always("clusters", response.clusters);
  visit.always("failures", response.failures);
}
template <class Visitor>
void members(Visitor& visit, TaskDefinitionResponse& response) {
  visit("taskDefinition", response.task_definition);
  visit("tags", response.tags);
}
template <class Visitor>
void members(Visitor& visit, DeleteTaskDefinitionsResponse& response) {
  visit.always("taskDefinitions", response.task_definitions);
  visit.always("failures", response.failures);
}
template <class Visitor>
void members(Visitor& visit, TasksResponse& response) {
  visit.always("tasks", response.tasks);
  visit.always("failures", response.failures);
}
template <class Visitor>
void members(Visitor& visit, TaskResponse& response) {
  visit("task", response.task);
}
template <class Visitor>
void members(Visitor& visit, ServiceResponse& response) {
  visit("service", response.service);
}
template <class Visitor>
void members(Visitor& visit, DescribeServicesResponse& response) {
  visit.always("services", response.services);
  visit.always("failures", response.failures);
}
namespace {

struct RevisionSummary {
  std::string arn;
  int requested = 0;
  int running = 0;
  int pending = 0;
};
template <class Visitor>
void members(Visitor& visit, RevisionSummary& summary) {
  visit("arn", summary.arn);
  visit("requestedTaskCount", summary.requested);
  visit("runningTaskCount", summary.running);
  visit("pendingTaskCount", summary.pending);
}

struct Brief {
  ServiceDeployment deployment;
};
template <class Visitor>
void common_members(Visitor& visit, ServiceDeployment& deployment) {
  visit("serviceDeploymentArn", deployment.service_deployment_arn);
  visit("serviceArn", deployment.service_arn);
  visit("clusterArn", deployment.cluster_arn);
  visit("createdAt", deployment.created_at);
  visit("startedAt", deployment.created_at);
  visit("finishedAt", deployment.finished_at);
  visit("status", deployment.status);
  visit("statusReason", deployment.status_reason);
}
template <class Visitor>
void members(Visitor& visit, Brief& brief) {
  common_members(visit, brief.deployment);
  visit("targetServiceRevisionArn", brief.deployment.target_service_revision_arn);
}

}  // namespace

template <class Visitor>
void members(Visitor& visit, ServiceDeployment& deployment) {
  common_members(visit, deployment);
  RevisionSummary target{deployment.target_service_revision_arn, deployment.requested_task_count,
                         deployment.running_task_count, deployment.pending_task_count};
  visit("targetServiceRevision", target);
  visit("deploymentConfiguration", deployment.deployment_configuration);
}
template <class Visitor>
void members(Visitor& visit, ListServiceDeploymentsResponse& response) {
  std::vector<Brief> briefs;
  for (const auto& deployment : response.service_deployments) briefs.push_back({deployment});
  visit.always("serviceDeployments", briefs);
  visit("nextToken", response.next_token);
}
template <class Visitor>
void members(Visitor& visit, DescribeServiceDeploymentsResponse& response) {
  visit.always("serviceDeployments", response.service_deployments);
  visit.always("failures", response.failures);
}
template <class Visitor>
void members(Visitor& visit, ContainerInstanceResponse& response) {
  visit("containerInstance", response.container_instance);
}
template <class Visitor>
void members(Visitor& visit, ContainerInstancesResponse& response) {
  visit.always("containerInstances", response.container_instances);
  visit.always("failures", response.failures);
}
template <class Visitor>
void members(Visitor& visit, AttributesResponse& response) {
  visit.always("attributes", response.attributes);
  visit("nextToken", response.next_token);
}
template <class Visitor>
void members(Visitor& visit, TagsResponse& response) {
  visit.always("tags", response.tags);
}
template <class Visitor>
void members(Visitor& visit, DiscoverPollEndpointResponse& response) {
  visit("endpoint", response.endpoint);
  visit("telemetryEndpoint", response.telemetry_endpoint);
}
template <class Visitor>
void members(Visitor& visit, PageResponse& response) {
  visit.always(response.member, response.values);
  visit("nextToken", response.next_token);
}

std::string to_json_text(const ClusterResponse& response) {
  return to_json(response);
}
std::string to_json_text(const DescribeClustersResponse& response) {
  return to_json(response);
}
std::string to_json_text(const TaskDefinitionResponse& response) {
  return to_json(response);
}
std::string to_json_text(const DeleteTaskDefinitionsResponse& response) {
  return to_json(response);
}
std::string to_json_text(const TasksResponse& response) {
  return to_json(response);
}
std::string to_json_text(const TaskResponse& response) {
  return to_json(response);
}
std::string to_json_text(const ServiceResponse& response) {
  return to_json(response);
}
std::string to_json_text(const DescribeServicesResponse& response) {
  return to_json(response);
}
std::string to_json_text(const ListServiceDeploymentsResponse& response) {
  return to_json(response);
}
std::string to_json_text(const DescribeServiceDeploymentsResponse& response) {
  return to_json(response);
}
std::string to_json_text(const ContainerInstanceResponse& response) {
  return to_json(response);
}
std::string to_json_text(const ContainerInstancesResponse& response) {
  return to_json(response);
}
std::string to_json_text(const AttributesResponse& response) {
  return to_json(response);
}
std::string to_json_text(const TagsResponse& response) {
  return to_json(response);
}
std::string to_json_text(const DiscoverPollEndpointResponse& response) {
  return to_json(response);
}
std::string to_json_text(const PageResponse& response) {
  return to_json(response);
}

}  // namespace gantry::api
