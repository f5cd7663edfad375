#include "controlplane/retention.h"

namespace gantry::controlplane {
namespace {

// Tables are changed while they are walked, so what is to go is collected first.
template <class T, class Over>
std::vector<std::string> keys_of(const Table<T>& table, const Over& is_over) {
  std::vector<std::string> keys;
  for (const auto& [key, record] : table) {
    if (is_over(*record)) keys.push_back(key);
  }
  return keys;
}

std::set<std::string> referenced_definitions(const State& state) {
  std::set<std::string> arns;
  for (const auto& [arn, task] : state.tasks()) arns.insert(task->task_definition_arn);
  for (const auto& [arn, service] : state.services()) {
    if (service->status == api::ServiceStatus::inactive) continue;
    for (const auto& deployment : service->deployments) arns.insert(deployment.task_definition);
  }
  return arns;
}

void remove_definitions(Transaction& transaction) {
  const auto deleted = keys_of(transaction->task_definitions(), [](const TaskDefinition& definition) {
    return definition.status == api::TaskDefinitionStatus::delete_in_progress;
  });
  if (deleted.empty()) return;
  const auto referenced = referenced_definitions(transaction.state());
  for (const auto& arn : deleted) {
    if (!referenced.contains(arn)) transaction.remove_task_definition(arn);
  }
}

}  // namespace

std::optional<api::EpochSeconds> Retention::reconcile(Transaction& transaction) {
  const auto now = transaction.now();
  if (now < next_) return next_;
  next_ = now + settings_.look_every;
  const auto older = [now](const std::optional<api::EpochSeconds>& time, double age) {
    return time && *time + age < now;
  };
  const auto& state = transaction.state();
  for (const auto& key : keys_of(state.tasks(), [&](const Task& task) {
         return task.stopped() && older(task.stopped_at, settings_.stopped_tasks);
       })) {
    transaction.remove_task(key);
  }
  for (const auto& key : keys_of(state.services(), [&](const Service& service) {
         return service.status == api::ServiceStatus::inactive &&
                older(service.deleted_at, settings_.inactive);
       })) {
    transaction.remove_service(key);
  }
  for (const auto& key : keys_of(state.clusters(), [&](const Cluster& cluster) {
         return cluster.status == api::ClusterStatus::inactive &&
                older(cluster.deleted_at, settings_.inactive);
       })) {
    transaction.remove_cluster(key);
  }
  for (const auto& key : keys_of(state.instances(), [&](const ContainerInstance& instance) {
         return instance.status == api::ContainerInstanceStatus::inactive &&
                older(instance.deregistered_at, settings_.inactive);
       })) {
    transaction.remove_instance(key);
  }
  for (const auto& key : keys_of(state.tokens(), [&](const ClientToken& token) {
         return older(token.created_at, settings_.tokens);
       })) {
    transaction.remove_token(key);
  }
  for (const auto& key :
       keys_of(state.events(), [&](const SeenEvent& event) { return older(event.at, settings_.tokens); })) {
    transaction.remove_event(key);
  }
  remove_definitions(transaction);
  return next_;
}

}  // namespace gantry::controlplane
