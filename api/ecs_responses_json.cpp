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
