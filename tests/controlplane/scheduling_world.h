#pragma once

#include "controlplane/deployment_loop.h"
#include "controlplane/task_changes.h"
#include "tests/support/results.h"

namespace gantry::controlplane::test {

inline TaskDefinition web_definition(const Identity& identity, int revision) {
  TaskDefinition definition;
  definition.family = "web";
  definition.revision = revision;
  definition.task_definition_arn = identity.task_definition_arn("web", revision);
  definition.network_mode = "bridge";
  api::ContainerDefinition container;
  container.name = "app";
  container.image = format("127.0.0.1:5000/ns1/web:v{}", revision);
  container.cpu = 256;
  container.memory = 64;
  container.essential = true;
  definition.container_definitions = {container};
  return definition;
}

inline ContainerInstance instance_of(const Identity& identity, const std::string& id, int64_t cpu = 2048,
                                     int64_t memory = 2000) {
  ContainerInstance instance;
  instance.cluster_arn = identity.cluster_arn("default");
  instance.container_instance_arn = identity.container_instance_arn("default", id);
  instance.agent_connected = true;
  api::Resource cpu_resource{"CPU", "INTEGER"};
  cpu_resource.integer_value = cpu;
  api::Resource memory_resource{"MEMORY", "INTEGER"};
  memory_resource.integer_value = memory;
  api::Resource ports{"PORTS", "STRINGSET"};
  ports.string_set_value = {"22"};
  instance.registered_resources = {cpu_resource, memory_resource, ports};
  instance.attributes = {{"ecs.availability-zone", "zone-a", "", ""}};
  return instance;
}

inline Service web_service(Transaction& transaction, int desired) {
  const auto& identity = transaction.identity();
  Service service;
  service.service_arn = identity.service_arn("default", "web");
  service.service_name = "web";
  service.cluster_arn = identity.cluster_arn("default");
  service.desired_count = desired;
  service.deployment_configuration.maximum_percent = 200;
  service.deployment_configuration.minimum_healthy_percent = 100;
  start_deployment(transaction, service, identity.task_definition_arn("web", 1), "");
  return service;
}

// State, a clock and the deployment loop, without threads: each `batch` is one round of the controller.
class SchedulingWorld {
 public:
  explicit SchedulingWorld(const LoopSettings& settings = {}) : state({}), loop_(settings) {
    batch([](Transaction& transaction) {
      for (int revision = 1; revision <= 3; ++revision) {
        transaction.put(web_definition(transaction.identity(), revision));
      }
    });
  }

  template <class F>
  void batch(F change) {
    Transaction transaction(state, now);
    change(transaction);
    wake_at = loop_.reconcile(transaction);
  }
  // Lets time pass; the loop runs when it asked for it.
  void pass(double seconds) {
    const double end = now + seconds;
    while (wake_at && *wake_at <= end) {
      const double at = *wake_at;
      now = std::max(now, at);
      batch([](Transaction&) {});
      if (wake_at && *wake_at <= at) now += 0.001;  // asked to look again at once
    }
    now = std::max(now, end);
  }

  void report(const std::string& task, const std::string& status) {
    batch([&](Transaction& transaction) {
      apply_state_change(transaction, cluster(), {.task = task, .status = status, .containers = {}});
    });
  }
  // What a willing agent does: runs what is to run, stops what is to stop.
  void obey() {
    const auto tasks = state.tasks();
    for (const auto& [arn, task] : tasks) {
      if (task->stopped()) continue;
      if (!task->wanted()) report(arn, "STOPPED");
      if (task->wanted() && task->last_status == api::TaskStatus::pending) report(arn, "RUNNING");
    }
  }

  std::string cluster() const { return state.identity().cluster_arn("default"); }
  Ptr<Service> service() const { return state.service(state.identity().service_arn("default", "web")); }
  std::vector<Ptr<Task>> tasks(api::TaskStatus status, bool wanted = true) const {
    std::vector<Ptr<Task>> found;
    for (const auto& [arn, task] : state.tasks()) {
      if (task->last_status == status && task->wanted() == wanted) found.push_back(task);
    }
    return found;
  }
  int events_with(const std::string& text) const {
    int count = 0;
    for (const auto& event : service()->events) count += event.message.find(text) != std::string::npos;
    return count;
  }

  State state;
  double now = 1'000'000;
  std::optional<double> wake_at;

 private:
  DeploymentLoop loop_;
};

}  // namespace gantry::controlplane::test
