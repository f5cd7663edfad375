#include "base/random.h"
#include "controlplane/deployment_apply.h"
#include "controlplane/placement_snapshot.h"

#include <algorithm>

namespace gantry::controlplane {

namespace {

bool has_health_check(const State& state, const Task& task) {
  const auto definition = state.task_definition(task.task_definition_arn);
  if (!definition) return false;
  const auto& containers = definition->container_definitions;
  return std::any_of(containers.begin(), containers.end(), [](const api::ContainerDefinition& container) {
    const bool checked = container.health_check && !container.health_check->command.empty() &&
                         container.health_check->command.front() != "NONE";
    return checked && container.essential.value_or(true);
  });
}

const HostSnapshot* find_host(const Scheduler& scheduler, const std::string& arn) {
  const auto& hosts = scheduler.hosts();  // sorted by ARN
  const auto found =
      std::lower_bound(hosts.begin(), hosts.end(), arn,
                       [](const HostSnapshot& host, const std::string& key) { return host.arn < key; });
  return found != hosts.end() && found->arn == arn ? &*found : nullptr;
}

TaskSnapshot task_snapshot(const State& state, const Task& task) {
  TaskSnapshot snapshot;
  snapshot.arn = task.task_arn;
  snapshot.deployment_id = task.deployment_id;
  snapshot.instance_arn = task.container_instance_arn;
  snapshot.zone = task.availability_zone;
  snapshot.running = task.last_status == api::TaskStatus::running;
  snapshot.wanted = task.wanted();
  snapshot.has_health_check = has_health_check(state, task);
  snapshot.health = task.health_status;
  snapshot.started_at = task.started_at;
  const auto instance = state.instance(task.container_instance_arn);
  snapshot.draining = instance && instance->status == api::ContainerInstanceStatus::draining;
  return snapshot;
}

// What only scale-in by a strategy asks for; costs the cluster's snapshots.
void add_host_values(TaskSnapshot& task, const Scheduler& scheduler) {
  const auto* host = find_host(scheduler, task.instance_arn);
  if (host == nullptr) return;
  task.host_attributes = host->attributes;
  task.host_cpu_remaining = host->cpu_remaining;
  task.host_memory_remaining = host->memory_remaining;
}

int tasks_beside_daemons(const State& state, const std::string& instance_arn) {
  int count = 0;
  for (const auto& arn : state.tasks_of_instance(instance_arn)) {
    const auto task = state.task(arn);
    if (!task || task->stopped()) continue;
    const auto service = state.service(task->service_arn);
    if (!service || service->scheduling_strategy != api::SchedulingStrategy::daemon) ++count;
  }
  return count;
}

// Resources don't matter for eligibility: the daemon's own task may be what uses them.
TaskRequest without_resources(TaskRequest request) {
  request.cpu = request.memory = 0;
  request.tcp_ports.clear();
  request.udp_ports.clear();
  std::erase_if(request.constraints, [](const api::PlacementConstraint& constraint) {
    return constraint.type == "distinctInstance";
  });
  return request;
}

void add_daemon_hosts(ServiceSnapshot& snapshot, const State& state, const Service& service,
                      const Scheduler& scheduler) {
  const auto definition = state.task_definition(service.task_definition);
  if (!definition) return;
  const auto request = without_resources(service_request(service, *definition));
  std::map<std::string, Refusal> refusals;
  for (const auto& host : scheduler.hosts()) {
    const auto refusal = refusal_of(host, request);
    if (refusal) refusals[host.arn] = *refusal;
    snapshot.daemon_hosts.push_back(
        {host.arn, !refusal, !host.active, host.active ? 0 : tasks_beside_daemons(state, host.arn)});
  }
  for (auto& task : snapshot.tasks) {
    const auto refusal = refusals.find(task.instance_arn);
    task.misplaced = refusal != refusals.end() &&
                     (refusal->second == Refusal::attribute || refusal->second == Refusal::member_of);
  }
}

DeploymentSnapshot deployment_snapshot(const Service& service, const api::Deployment& deployment) {
  DeploymentSnapshot snapshot;
  snapshot.id = deployment.id;
  snapshot.primary = deployment.status == api::DeploymentStatus::primary;
  snapshot.rollout = deployment.rollout_state;
  snapshot.failed_tasks = deployment.failed_tasks;
  if (const auto progress = service.progress.find(deployment.id); progress != service.progress.end()) {
    snapshot.consecutive_failures = progress->second.consecutive_failures;
    snapshot.next_start_at = progress->second.next_start_at;
  }
  return snapshot;
}

// In its task definition, or in the images behind the same tags.
bool differs_from_last_completed(const Service& service) {
  if (service.last_completed_task_definition.empty()) return false;
  if (service.last_completed_task_definition != service.task_definition) return true;
  if (service.deployments.empty()) return false;
  const auto progress = service.progress.find(service.deployments.front().id);
  const auto images = progress == service.progress.end() ? ImagePins{} : progress->second.images;
  const auto& completed = service.last_completed_images;
  return !std::all_of(completed.begin(), completed.end(), [&](const auto& pin) {
    const auto found = images.find(pin.first);
    return found != images.end() && found->second == pin.second;
  });
}

void add_configuration(ServiceSnapshot& snapshot, const State& state, const Service& service) {
  const auto& configuration = service.deployment_configuration;
  const bool daemon = service.scheduling_strategy == api::SchedulingStrategy::daemon;
  snapshot.minimum_healthy_percent = configuration.minimum_healthy_percent.value_or(daemon ? 0 : 100);
  snapshot.maximum_percent = configuration.maximum_percent.value_or(daemon ? 100 : 200);
  if (const auto& breaker = configuration.deployment_circuit_breaker) {
    snapshot.breaker_enabled = breaker->enable;
    snapshot.breaker_rollback = breaker->rollback;
  }
  snapshot.rollback_possible = differs_from_last_completed(service) &&
                               state.task_definition(service.last_completed_task_definition) != nullptr;
}

}  // namespace

Scheduler& RoundHosts::of_cluster(const std::string& cluster_arn) {
  const auto found = schedulers_.find(cluster_arn);
  if (found != schedulers_.end()) return found->second;
  Scheduler scheduler(host_snapshots(state_, cluster_arn), random_below(UINT64_MAX));
  return schedulers_.emplace(cluster_arn, std::move(scheduler)).first->second;
}

TaskRequest service_request(const Service& service, const TaskDefinition& definition) {
  auto request = task_request(definition, {});
  request.group = "service:" + service.service_name;
  request.launch_type = service.launch_type;
  request.constraints.insert(request.constraints.end(), service.placement_constraints.begin(),
                             service.placement_constraints.end());
  request.strategies =
      service.placement_strategy.empty() ? default_service_strategies() : service.placement_strategy;
  return request;
}

ServiceSnapshot service_snapshot(const State& state, const Service& service, RoundHosts& hosts) {
  ServiceSnapshot snapshot;
  snapshot.name = service.service_name;
  snapshot.active = service.status == api::ServiceStatus::active;
  snapshot.strategy = service.scheduling_strategy;
  snapshot.desired_count = service.desired_count;
  snapshot.grace_period = service.health_check_grace_period_seconds;
  snapshot.steady = service.steady;
  snapshot.last_steady_at = service.last_steady_at;
  snapshot.placement_strategy = service.placement_strategy;
  add_configuration(snapshot, state, service);
  for (const auto& deployment : service.deployments) {
    snapshot.deployments.push_back(deployment_snapshot(service, deployment));
  }
  for (const auto& arn : state.tasks_of_service(service.service_arn)) {
    const auto task = state.task(arn);
    if (task && !task->stopped()) snapshot.tasks.push_back(task_snapshot(state, *task));
  }
  const bool daemon = service.scheduling_strategy == api::SchedulingStrategy::daemon;
  const bool scales_in = static_cast<int>(snapshot.tasks.size()) > service.desired_count;
  if (daemon && snapshot.active) {
    add_daemon_hosts(snapshot, state, service, hosts.of_cluster(service.cluster_arn));
  } else if (scales_in && !service.placement_strategy.empty()) {
    for (auto& task : snapshot.tasks) add_host_values(task, hosts.of_cluster(service.cluster_arn));
  }
  return snapshot;
}

}  // namespace gantry::controlplane
