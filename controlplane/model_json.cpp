#include "api/ecs_task_definition_members.h"
#include "controlplane/model.h"

// Records as the store keeps them: the ECS shape's members and, beside them, our own with names that ECS
// doesn't use.

namespace gantry::controlplane {

template <class Visitor>
void members(Visitor& visit, Cluster& cluster) {
  members(visit, static_cast<api::Cluster&>(cluster));
  visit("deletedAt", cluster.deleted_at);
}

template <class Visitor>
void members(Visitor& visit, TaskDefinition& definition) {
  members(visit, static_cast<api::TaskDefinition&>(definition));
  visit("tags", definition.tags);
}

template <class Visitor>
void members(Visitor& visit, Family& family) {
  visit("name", family.name);
  visit("lastRevision", family.last_revision);
}

template <class Visitor>
void members(Visitor& visit, DeploymentProgress& progress) {
  visit("cause", progress.cause);
  visit("reachedRunning", progress.reached_running);
  visit("consecutiveFailures", progress.consecutive_failures);
  visit("nextStartAt", progress.next_start_at);
  visit("completedCount", progress.completed_count);
  visit("images", progress.images);
}

template <class Visitor>
void members(Visitor& visit, DeploymentRecord& record) {
  visit("deploymentId", record.deployment_id);
  visit("taskDefinition", record.task_definition);
  visit("createdAt", record.created_at);
  visit("finishedAt", record.finished_at);
  visit("status", record.status);
  visit("reason", record.reason);
}

template <class Visitor>
void members(Visitor& visit, Service& service) {
  members(visit, static_cast<api::Service&>(service));
  visit("history", service.history);
  visit("roleArn", service.role_arn);
  visit("clientToken", service.client_token);
  visit("createParameters", service.parameters);
  visit("progress", service.progress);
  visit("lastCompletedTaskDefinition", service.last_completed_task_definition);
  visit("lastCompletedImages", service.last_completed_images);
  visit("lastSteadyAt", service.last_steady_at);
  visit("steady", service.steady);
  visit("said", service.said);
  visit("deletedAt", service.deleted_at);
}

template <class Visitor>
void members(Visitor& visit, Task& task) {
  members(visit, static_cast<api::Task&>(task));
  visit("serviceArn", task.service_arn);
  visit("deploymentId", task.deployment_id);
  visit("healthySince", task.healthy_since);
  visit("lastChange", task.last_change);
}

template <class Visitor>
void members(Visitor& visit, ContainerInstance& instance) {
  members(visit, static_cast<api::ContainerInstance&>(instance));
  visit("clusterArn", instance.cluster_arn);
  visit("sequenceNumber", instance.sequence_number);
  visit("disconnectedAt", instance.disconnected_at);
  visit("deregisteredAt", instance.deregistered_at);
}

template <class Visitor>
void members(Visitor& visit, ClientToken& token) {
  visit("key", token.key);
  visit("parameters", token.parameters);
  visit("arns", token.arns);
  visit("createdAt", token.created_at);
}

template <class Visitor>
void members(Visitor& visit, SeenEvent& event) {
  visit("id", event.id);
  visit("at", event.at);
}

namespace {

template <class T>
Result<void> parse(std::string_view text, std::string_view source, T& record) {
  record = TRY(parse_json<T>(text, source));
  return {};
}

}  // namespace

std::string to_json_text(const Cluster& record) {
  return to_json(record);
}
std::string to_json_text(const TaskDefinition& record) {
  return to_json(record);
}
std::string to_json_text(const Family& record) {
  return to_json(record);
}
std::string to_json_text(const Service& record) {
  return to_json(record);
}
std::string to_json_text(const Task& record) {
  return to_json(record);
}
std::string to_json_text(const ContainerInstance& record) {
  return to_json(record);
}
std::string to_json_text(const ClientToken& record) {
  return to_json(record);
}
std::string to_json_text(const SeenEvent& record) {
  return to_json(record);
}

Result<void> from_json_text(std::string_view text, std::string_view source, Cluster& record) {
  return parse(text, source, record);
}
Result<void> from_json_text(std::string_view text, std::string_view source, TaskDefinition& record) {
  return parse(text, source, record);
}
Result<void> from_json_text(std::string_view text, std::string_view source, Family& record) {
  return parse(text, source, record);
}
Result<void> from_json_text(std::string_view text, std::string_view source, Service& record) {
  return parse(text, source, record);
}
Result<void> from_json_text(std::string_view text, std::string_view source, Task& record) {
  return parse(text, source, record);
}
Result<void> from_json_text(std::string_view text, std::string_view source, ContainerInstance& record) {
  return parse(text, source, record);
}
Result<void> from_json_text(std::string_view text, std::string_view source, ClientToken& record) {
  return parse(text, source, record);
}
Result<void> from_json_text(std::string_view text, std::string_view source, SeenEvent& record) {
  return parse(text, source, record);
}

}  // namespace gantry::controlplane
