#include "controlplane/task_changes.h"

#include "base/format.h"
#include "base/random.h"

#include <algorithm>

namespace gantry::controlplane {
namespace {

using api::DesiredStatus;
using api::HealthStatus;
using api::StopCode;
using api::TaskStatus;

api::Container* container_of(Task& task, const std::string& name) {
  const auto found = std::find_if(task.containers.begin(), task.containers.end(),
                                  [&](const auto& container) { return container.name == name; });
  return found == task.containers.end() ? nullptr : &*found;
}

// What an agent calls a status we have no name for comes before RUNNING: "PULLED", "CREATED", "NONE".
TaskStatus known_status(const std::string& name) {
  return enum_value<TaskStatus>(name).value_or(TaskStatus::pending);
}

bool take(std::string& member, const std::string& value) {
  if (value.empty() || member == value) return false;
  member = value;
  return true;
}

bool apply_container(api::Container& container, const ContainerStateChange& change) {
  if (container.last_status == TaskStatus::stopped) return false;
  bool changed = false;
  const auto status = known_status(change.status);
  if (status > container.last_status) {
    container.last_status = status;
    changed = true;
  }
  changed |= take(container.image_digest, change.image_digest);
  changed |= take(container.runtime_id, change.runtime_id);
  changed |= take(container.reason, change.reason);
  if (change.exit_code && container.exit_code != change.exit_code) {
    container.exit_code = change.exit_code;
    changed = true;
  }
  if (!change.network_bindings.empty() && container.network_bindings.empty()) {
    container.network_bindings = change.network_bindings;
    changed = true;
  }
  return changed;
}

bool take_time(std::optional<api::EpochSeconds>& member, const std::optional<api::EpochSeconds>& value) {
  if (member || !value) return false;
  member = value;
  return true;
}

// Why a task that stopped by itself did.
std::string reason_of(const Task& task, const std::string& told) {
  if (!told.empty()) return told;
  if (task.started_at) return "Essential container in task exited";
  for (const auto& container : task.containers) {
    if (!container.reason.empty()) return container.reason;
  }
  return "Task failed to start";
}

void finish(Task& task, api::EpochSeconds now, const std::string& told) {
  if (!task.stop_code) {
    task.stop_code = task.started_at ? StopCode::essential_container_exited : StopCode::task_failed_to_start;
  }
  if (task.stopped_reason.empty()) task.stopped_reason = reason_of(task, told);
  if (!task.stopping_at) task.stopping_at = now;
  task.desired_status = DesiredStatus::stopped;
  task.last_status = TaskStatus::stopped;
  task.stopped_at = now;
  for (auto& container : task.containers) container.last_status = TaskStatus::stopped;
}

Ptr<Task> find_task(const Transaction& transaction, const std::string& cluster_arn,
                    const std::string& id_or_arn) {
  if (auto task = transaction->task(id_or_arn)) return task;
  return transaction->task(transaction.identity().task_arn(cluster_of(cluster_arn), id_or_arn));
}

bool apply_task_status(Task& task, const TaskStateChange& change, api::EpochSeconds now) {
  const auto status = known_status(change.status);
  if (status <= task.last_status) return false;
  if (status == TaskStatus::stopped) {
    finish(task, now, change.reason);
    return true;
  }
  task.last_status = status;
  if (status == TaskStatus::running) task.started_at = now;
  return true;
}

std::string attribute_of(const ContainerInstance& instance, std::string_view name) {
  for (const auto& attribute : instance.attributes) {
    if (attribute.name == name) return attribute.value;
  }
  return {};
}

std::string number_or_empty(const std::optional<int>& value) {
  return value ? std::to_string(*value) : std::string();
}

// Every container has an entry in the echoed overrides, in the definition's order.
api::TaskOverride echoed(const TaskDefinition& definition, const api::TaskOverride& given) {
  api::TaskOverride all = given;
  all.container_overrides.clear();
  for (const auto& container : definition.container_definitions) {
    const auto found = std::find_if(given.container_overrides.begin(), given.container_overrides.end(),
                                    [&](const auto& each) { return each.name == container.name; });
    if (found != given.container_overrides.end()) {
      all.container_overrides.push_back(*found);
    } else {
      all.container_overrides.emplace_back().name = container.name;
    }
  }
  return all;
}

std::vector<api::Container> new_containers(const Identity& identity, const Task& task, const NewTask& what) {
  std::vector<api::Container> containers;
  const auto cluster = cluster_of(task.task_arn);
  for (const auto& each : what.definition->container_definitions) {
    api::Container container;
    container.container_arn = identity.arn(format("container/{}/{}/{}", cluster, task.id(), random_uuid()));
    container.task_arn = task.task_arn;
    container.name = each.name;
    const auto pinned = what.images.find(each.name);
    container.image = pinned == what.images.end() ? each.image : pinned->second;
    container.cpu = std::to_string(each.cpu);
    container.memory = number_or_empty(each.memory);
    container.memory_reservation = number_or_empty(each.memory_reservation);
    containers.push_back(std::move(container));
  }
  return containers;
}

// The PRIMARY gives way: what the records say of it from now on.
void close_record(Service& service, const api::Deployment& former, api::EpochSeconds now) {
  for (auto& record : service.history) {
    if (record.deployment_id != former.id) continue;
    const bool completed = former.rollout_state == api::RolloutState::completed;
    record.status = completed ? "SUCCESSFUL" : "STOPPED";
    record.reason = completed ? "" : former.rollout_state_reason;
    record.finished_at = completed ? former.updated_at : now;
  }
}

constexpr size_t most_records = 20;

HealthStatus task_health(const Task& task, const TaskDefinition& definition) {
  bool any = false;
  bool all_healthy = true;
  for (const auto& container : definition.container_definitions) {
    if (!container.essential.value_or(true) || !container.health_check) continue;
    any = true;
    const auto found = std::find_if(task.containers.begin(), task.containers.end(),
                                    [&](const auto& each) { return each.name == container.name; });
    if (found == task.containers.end()) continue;
    if (found->health_status == HealthStatus::unhealthy) return HealthStatus::unhealthy;
    all_healthy = all_healthy && found->health_status == HealthStatus::healthy;
  }
  return any && all_healthy ? HealthStatus::healthy : HealthStatus::unknown;
}

}  // namespace

void apply_state_change(Transaction& transaction, const std::string& cluster_arn,
                        const TaskStateChange& change) {
  const auto found = find_task(transaction, cluster_arn, change.task);
  if (!found || found->stopped()) return;
  Task task = *found;
  bool changed = false;
  for (const auto& container_change : change.containers) {
    auto* container = container_of(task, container_change.container_name);
    if (container != nullptr) changed |= apply_container(*container, container_change);
  }
  changed |= take_time(task.pull_started_at, change.pull_started_at);
  changed |= take_time(task.pull_stopped_at, change.pull_stopped_at);
  changed |= take_time(task.execution_stopped_at, change.execution_stopped_at);
  if (!change.status.empty()) changed |= apply_task_status(task, change, transaction.now());
  if (changed) transaction.put(std::move(task));
}

void apply_health(Transaction& transaction, const std::string& task_arn,
                  const std::map<std::string, HealthStatus>& containers) {
  const auto found = transaction->task(task_arn);
  if (!found || found->stopped()) return;
  const auto definition = transaction->task_definition(found->task_definition_arn);
  if (!definition) return;
  Task task = *found;
  bool changed = false;
  for (const auto& [name, status] : containers) {
    auto* container = container_of(task, name);
    if (container == nullptr || container->health_status == status) continue;
    container->health_status = status;
    changed = true;
  }
  if (!changed) return;
  const auto health = task_health(task, *definition);
  if (health == HealthStatus::healthy && task.health_status != HealthStatus::healthy) {
    task.healthy_since = transaction.now();
  }
  if (health != HealthStatus::healthy) task.healthy_since.reset();
  task.health_status = health;
  transaction.put(std::move(task));
}

void want_stopped(Transaction& transaction, const std::string& task_arn, StopCode code,
                  const std::string& reason) {
  const auto found = transaction->task(task_arn);
  if (!found || found->stopped() || !found->wanted()) return;
  const auto instance = transaction->instance(found->container_instance_arn);
  if (!instance || instance->status == api::ContainerInstanceStatus::inactive) {
    stop_now(transaction, task_arn, code, reason);
    return;
  }
  Task task = *found;
  task.desired_status = DesiredStatus::stopped;
  task.stop_code = code;
  task.stopped_reason = reason;
  task.stopping_at = transaction.now();
  transaction.put(std::move(task));
}

void stop_now(Transaction& transaction, const std::string& task_arn, StopCode code,
              const std::string& reason) {
  const auto found = transaction->task(task_arn);
  if (!found || found->stopped()) return;
  Task task = *found;
  if (!task.stop_code) task.stop_code = code;
  finish(task, transaction.now(), reason);
  transaction.put(std::move(task));
}

Ptr<Task> make_task(Transaction& transaction, const NewTask& what) {
  const auto& identity = transaction.identity();
  const auto demand = api::task_demand(*what.definition, what.overrides);
  Task task;
  task.cluster_arn = what.instance->cluster_arn;
  task.task_arn = identity.task_arn(cluster_of(task.cluster_arn), new_id());
  task.task_definition_arn = what.definition->task_definition_arn;
  task.container_instance_arn = what.instance->container_instance_arn;
  task.availability_zone = attribute_of(*what.instance, "ecs.availability-zone");
  const auto architecture = attribute_of(*what.instance, "ecs.cpu-architecture");
  if (!architecture.empty()) task.attributes.push_back({"ecs.cpu-architecture", architecture, "", ""});
  task.connectivity = what.instance->agent_connected ? "CONNECTED" : "DISCONNECTED";
  task.connectivity_at = transaction.now();
  task.containers = new_containers(identity, task, what);
  task.cpu = std::to_string(demand.cpu);
  task.memory = std::to_string(demand.memory);
  task.created_at = transaction.now();
  task.enable_execute_command = what.enable_execute_command;
  task.group = what.group.empty() ? "family:" + what.definition->family : what.group;
  task.launch_type = what.launch_type;
  task.overrides = echoed(*what.definition, what.overrides);
  task.started_by = what.started_by;
  task.tags = what.tags;
  task.service_arn = what.service_arn;
  task.deployment_id = what.deployment_id;
  const auto arn = task.task_arn;
  transaction.put(std::move(task));
  return transaction->task(arn);
}

void set_agent_connected(Transaction& transaction, const std::string& instance_arn, bool connected,
                         const std::optional<api::VersionInfo>& version) {
  const auto found = transaction->instance(instance_arn);
  if (!found) return;
  ContainerInstance instance = *found;
  instance.agent_connected = connected;
  if (connected) {
    instance.disconnected_at.reset();
  } else if (!instance.disconnected_at) {
    instance.disconnected_at = transaction.now();
  }
  if (version) instance.version_info = *version;
  transaction.put(std::move(instance));
}

int64_t next_sequence_number(Transaction& transaction, const std::string& instance_arn) {
  const auto found = transaction->instance(instance_arn);
  if (!found) return 0;
  ContainerInstance instance = *found;
  const auto number = ++instance.sequence_number;
  transaction.put(std::move(instance));
  return number;
}

void start_deployment(Transaction& transaction, Service& service, const std::string& task_definition_arn,
                      const std::string& cause) {
  for (auto& former : service.deployments) {
    if (former.status != api::DeploymentStatus::primary) continue;
    close_record(service, former, transaction.now());
    former.status = api::DeploymentStatus::active;
    former.updated_at = transaction.now();
  }
  api::Deployment deployment;
  deployment.id = new_deployment_id();
  deployment.task_definition = task_definition_arn;
  deployment.desired_count = service.desired_count;
  deployment.created_at = transaction.now();
  deployment.updated_at = transaction.now();
  deployment.launch_type = service.launch_type;
  deployment.rollout_state_reason = format("ECS deployment {} in progress.", deployment.id);
  service.progress[deployment.id].cause = cause;
  service.history.insert(service.history.begin(),
                         {deployment.id, task_definition_arn, transaction.now(), {}, "", ""});
  if (service.history.size() > most_records) service.history.resize(most_records);
  service.task_definition = task_definition_arn;
  service.steady = false;
  if (!cause.empty()) {
    add_event(service, transaction.now(),
              format("(service {}) started (deployment {}) because {}.", service.service_name, deployment.id,
                     cause));
  }
  service.deployments.insert(service.deployments.begin(), std::move(deployment));
}

}  // namespace gantry::controlplane
