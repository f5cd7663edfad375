#include "controlplane/views.h"

#include "controlplane/lookup.h"
#include "controlplane/placement_snapshot.h"

namespace gantry::controlplane {
namespace {

struct Counts {
  int running = 0;
  int pending = 0;
};

// A task that is to stop counts for neither: it is on its way out.
void count(Counts& counts, const Task& task) {
  if (!task.wanted() || task.stopped()) return;
  ++(task.last_status == api::TaskStatus::running ? counts.running : counts.pending);
}

Counts count_all(const State& state, const std::set<std::string>& task_arns) {
  Counts counts;
  for (const auto& arn : task_arns) count(counts, *state.task(arn));
  return counts;
}

// The figures that `include` STATISTICS asks for. Fargate's are always 0 here.
std::vector<api::KeyValuePair> statistics(const State& state, const Cluster& cluster) {
  std::map<std::string, int> figures;
  for (const auto* name :
       {"runningEC2TasksCount", "runningFargateTasksCount", "pendingEC2TasksCount",
        "pendingFargateTasksCount", "runningExternalTasksCount", "pendingExternalTasksCount",
        "activeEC2ServiceCount", "activeFargateServiceCount", "drainingEC2ServiceCount",
        "drainingFargateServiceCount", "activeExternalServiceCount", "drainingExternalServiceCount"}) {
    figures[name] = 0;
  }
  const auto kind = [](api::LaunchType type) {
    return type == api::LaunchType::external ? "External" : "EC2";
  };
  for (const auto& arn : state.tasks_of_cluster(cluster.cluster_arn)) {
    const auto task = state.task(arn);
    if (task->stopped()) continue;
    const std::string status = task->last_status == api::TaskStatus::running ? "running" : "pending";
    ++figures[status + kind(task->launch_type) + "TasksCount"];
  }
  for (const auto& arn : state.services_of_cluster(cluster.cluster_arn)) {
    const auto service = state.service(arn);
    if (service->status == api::ServiceStatus::inactive) continue;
    const std::string status = service->status == api::ServiceStatus::active ? "active" : "draining";
    ++figures[status + kind(service->launch_type) + "ServiceCount"];
  }
  std::vector<api::KeyValuePair> pairs;
  for (const auto& [name, value] : figures) pairs.push_back({name, std::to_string(value)});
  return pairs;
}

}  // namespace

api::Cluster view(const State& state, const Cluster& cluster, const std::vector<std::string>& include) {
  api::Cluster shown = cluster;
  const auto counts = count_all(state, state.tasks_of_cluster(cluster.cluster_arn));
  shown.running_tasks_count = counts.running;
  shown.pending_tasks_count = counts.pending;
  for (const auto& arn : state.instances_of_cluster(cluster.cluster_arn)) {
    if (state.instance(arn)->status != api::ContainerInstanceStatus::inactive) {
      ++shown.registered_container_instances_count;
    }
  }
  for (const auto& arn : state.services_of_cluster(cluster.cluster_arn)) {
    if (state.service(arn)->status == api::ServiceStatus::active) ++shown.active_services_count;
  }
  if (includes(include, "STATISTICS")) shown.statistics = statistics(state, cluster);
  if (!includes(include, "TAGS")) shown.tags.clear();
  if (!includes(include, "SETTINGS")) shown.settings.clear();
  return shown;
}

api::Service view(const State& state, const Service& service, bool with_tags) {
  api::Service shown = service;
  Counts all;
  std::map<std::string, Counts> by_deployment;
  for (const auto& arn : state.tasks_of_service(service.service_arn)) {
    const auto task = state.task(arn);
    count(all, *task);
    count(by_deployment[task->deployment_id], *task);
  }
  shown.running_count = all.running;
  shown.pending_count = all.pending;
  for (auto& deployment : shown.deployments) {
    deployment.running_count = by_deployment[deployment.id].running;
    deployment.pending_count = by_deployment[deployment.id].pending;
  }
  if (!with_tags) shown.tags.clear();
  return shown;
}

api::ContainerInstance view(const State& state, const ContainerInstance& instance, bool with_tags) {
  api::ContainerInstance shown = instance;
  const auto counts = count_all(state, state.tasks_of_instance(instance.container_instance_arn));
  shown.running_tasks_count = counts.running;
  shown.pending_tasks_count = counts.pending;
  shown.remaining_resources = remaining_resources(state, instance);
  if (!with_tags) shown.tags.clear();
  return shown;
}

api::Task view(const Task& task, bool with_tags) {
  api::Task shown = task;
  if (!with_tags) shown.tags.clear();
  return shown;
}

}  // namespace gantry::controlplane
