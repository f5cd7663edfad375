#include "controlplane/deployment_apply.h"

#include "base/log.h"
#include "controlplane/image_pins.h"
#include "controlplane/service_events.h"
#include "controlplane/task_changes.h"

#include <algorithm>

namespace gantry::controlplane {

namespace {

namespace texts = service_events;

constexpr double cause_repeat = 3600;  // a lasting cause is told again after so many seconds
constexpr int most_rounds = 3;         // a failed deployment is rolled back, and that one starts at once

api::Deployment* find_deployment(Service& service, const std::string& id) {
  for (auto& deployment : service.deployments) {
    if (deployment.id == id) return &deployment;
  }
  return nullptr;
}

// Applies the decisions on one service. The service's record is put once, at the end, if anything changed.
class Application {
 public:
  Application(Transaction& transaction, Ptr<Service> service, RoundHosts& hosts, const LoopSettings& settings)
      : transaction_(transaction), service_(*service), hosts_(hosts), settings_(settings) {}

  ServiceOutcome run() {
    for (int round = 0; round < most_rounds; ++round) {
      again_ = false;
      decide_once();
      if (!again_) break;
    }
    if (changed_) transaction_.put(service_);
    return outcome_;
  }

 private:
  api::EpochSeconds now() const { return transaction_.now(); }

  void decide_once() {
    const auto snapshot = service_snapshot(transaction_.state(), service_, hosts_);
    const auto decisions = decide(snapshot, settings_.deployment, now());
    outcome_.look_again_at = decisions.look_again_at;
    for (const auto& decision : decisions.decisions) {
      std::visit([this](const auto& each) { apply(each); }, decision);
    }
    tell_stopped();
    for (const auto& text : decisions.events) tell(text);
    set_counts(decisions);
    set_steadiness(decisions);
  }

  // ---- tasks ----

  void apply(const StartTasks& start) {
    const auto* deployment = find_deployment(service_, start.deployment_id);
    if (deployment == nullptr) return;
    const auto definition = transaction_->task_definition(deployment->task_definition);
    if (!definition) return;
    auto request = service_request(service_, *definition);
    std::vector<std::string> started;
    if (start.hosts.empty()) {
      request.count = start.count;
      place(request, definition, start.deployment_id, started);
    }
    for (const auto& host : start.hosts) {
      request.only_host = host;
      place(request, definition, start.deployment_id, started);
    }
    if (!started.empty()) tell_now(texts::started(service_.service_name, started));
  }

  void place(const TaskRequest& request, const Ptr<TaskDefinition>& definition,
             const std::string& deployment_id, std::vector<std::string>& started) {
    const auto placements = hosts_.of_cluster(service_.cluster_arn).place(request);
    for (const auto& host : placements.hosts) {
      started.push_back(make_task(transaction_, new_task(definition, host, deployment_id))->task_arn);
    }
    if (placements.unplaced > 0) {
      tell_unplaced(placements);
    } else {
      forget_unplaced();
    }
  }

  NewTask new_task(const Ptr<TaskDefinition>& definition, const std::string& host,
                   const std::string& deployment_id) const {
    NewTask what;
    what.definition = definition;
    what.instance = transaction_->instance(host);
    const auto progress = service_.progress.find(deployment_id);
    if (progress != service_.progress.end()) {
      what.images = pinned_images(progress->second.images, *definition, *what.instance);
    }
    what.group = "service:" + service_.service_name;
    what.started_by = deployment_id;
    what.service_arn = service_.service_arn;
    what.deployment_id = deployment_id;
    what.enable_execute_command = service_.enable_execute_command;
    what.launch_type = service_.launch_type;
    if (service_.propagate_tags == api::PropagateTags::service) what.tags = service_.tags;
    if (service_.propagate_tags == api::PropagateTags::task_definition) what.tags = definition->tags;
    if (service_.enable_ecs_managed_tags) {
      what.tags.push_back({"aws:ecs:clusterName", cluster_of(service_.cluster_arn)});
      what.tags.push_back({"aws:ecs:serviceName", service_.service_name});
    }
    return what;
  }

  void apply(const StopTask& stop) {
    want_stopped(transaction_, stop.task_arn, api::StopCode::service_scheduler_initiated, stop.reason);
    stopped_.push_back(stop.task_arn);
  }

  // ---- deployments ----

  void apply(const CompleteDeployment& complete) {
    auto* deployment = find_deployment(service_, complete.deployment_id);
    if (deployment == nullptr) return;
    deployment->rollout_state = api::RolloutState::completed;
    deployment->rollout_state_reason = format("ECS deployment {} completed.", deployment->id);
    deployment->updated_at = now();
    auto& progress = service_.progress[deployment->id];
    ++progress.completed_count;
    service_.last_completed_task_definition = deployment->task_definition;
    service_.last_completed_images = progress.images;
    changed_ = true;
    log::info("deployment completed service={} deployment={}", service_.service_name, deployment->id);
  }

  void apply(const FailDeployment& fail) {
    auto* deployment = find_deployment(service_, fail.deployment_id);
    if (deployment == nullptr) return;
    deployment->rollout_state = api::RolloutState::failed;
    deployment->rollout_state_reason = "ECS deployment circuit breaker: tasks failed to start.";
    deployment->updated_at = now();
    changed_ = again_ = true;
    log::warning("deployment failed service={} deployment={} failed_tasks={}", service_.service_name,
                 deployment->id, deployment->failed_tasks);
    if (fail.roll_back) roll_back();
  }

  void roll_back() {
    start_deployment(transaction_, service_, service_.last_completed_task_definition, "");
    auto& deployment = service_.deployments.front();
    service_.progress[deployment.id].images = service_.last_completed_images;
    deployment.rollout_state_reason =
        format("ECS deployment circuit breaker: rolling back to deploymentId {}.", deployment.id);
    tell_now(texts::rolling_back(service_.service_name, deployment.id));
  }

  void apply(const RemoveDeployment& removed) {
    std::erase_if(service_.deployments,
                  [&](const api::Deployment& deployment) { return deployment.id == removed.deployment_id; });
    service_.progress.erase(removed.deployment_id);
    changed_ = true;
  }

  void apply(const EndService&) {
    if (service_.status == api::ServiceStatus::inactive || service_.status == api::ServiceStatus::active)
      return;
    service_.status = api::ServiceStatus::inactive;
    service_.deployments.clear();
    service_.deleted_at = now();
    changed_ = true;
  }

  // ---- events ----

  void tell_now(const std::string& text) {
    add_event(service_, now(), text);
    changed_ = true;
  }

  // Causes that last are told once in a while; what happened once is told once.
  void tell(const std::string& text) {
    const bool lasts = text == texts::cannot_start_consistently(service_.service_name) ||
                       text == texts::cannot_roll(service_.service_name);
    if (!lasts || texts::should_say(service_.said, text, now(), cause_repeat)) tell_now(text);
  }

  void tell_unplaced(const Placements& placements) {
    outcome_.unplaced = true;
    const auto text = texts::unplaced(service_.service_name, placements.closest);
    if (texts::should_say(service_.said, text, now(), cause_repeat)) tell_now(text);
  }

  // Room was found: the next time there is none is news again.
  void forget_unplaced() {
    const auto removed = std::erase_if(service_.said, [](const auto& entry) {
      return entry.first.find("was unable to place a task") != std::string::npos;
    });
    if (removed > 0) changed_ = true;
  }

  void tell_stopped() {
    if (stopped_.empty()) return;
    tell_now(texts::stopped(service_.service_name, stopped_));
    stopped_.clear();
  }

  // ---- counts ----

  void set(int& member, int value) {
    if (member == value) return;
    member = value;
    changed_ = true;
  }

  void set_counts(const ServiceDecisions& decisions) {
    if (service_.scheduling_strategy == api::SchedulingStrategy::daemon) {
      set(service_.desired_count, decisions.desired_count);
    }
    std::map<std::string, int> wanted;
    for (const auto& arn : transaction_->tasks_of_service(service_.service_arn)) {
      const auto task = transaction_->task(arn);
      if (task->wanted() && !task->stopped()) ++wanted[task->deployment_id];
    }
    for (auto& deployment : service_.deployments) {
      const bool primary = deployment.status == api::DeploymentStatus::primary;
      set(deployment.desired_count, primary ? service_.desired_count : wanted[deployment.id]);
    }
  }

  void set_steadiness(const ServiceDecisions& decisions) {
    if (service_.steady != decisions.steady) changed_ = true;
    service_.steady = decisions.steady;
    if (decisions.tell_steady) service_.last_steady_at = now();
  }

  Transaction& transaction_;
  Service service_;
  RoundHosts& hosts_;
  const LoopSettings& settings_;
  bool changed_ = false;
  bool again_ = false;
  std::vector<std::string> stopped_;
  ServiceOutcome outcome_;
};

bool stopped_on_purpose(const Task& task) {
  return task.stop_code == api::StopCode::user_initiated ||
         task.stop_code == api::StopCode::service_scheduler_initiated ||
         task.stop_code == api::StopCode::termination_notice;
}

void note_running(Service& service, const Task& task, const Ptr<TaskDefinition>& definition) {
  auto& progress = service.progress[task.deployment_id];
  progress.reached_running = true;
  progress.consecutive_failures = 0;
  progress.next_start_at = 0;
  if (definition) pin_images(progress.images, task, *definition);
}

void note_stopped(Service& service, api::Deployment& deployment, const Task& task,
                  const DeploymentSettings& settings, api::EpochSeconds now) {
  auto& progress = service.progress[task.deployment_id];
  StoppedTaskSnapshot stopped;
  stopped.reached_running = task.started_at.has_value();
  stopped.health_check_failed = task.stopped_reason == failed_health_reason;
  stopped.stopped_by_us = stopped_on_purpose(task);
  if (counts_as_failure(stopped, progress.reached_running)) ++deployment.failed_tasks;
  if (stopped.reached_running || stopped.stopped_by_us) return;
  ++progress.consecutive_failures;
  progress.next_start_at = now + start_pause(progress.consecutive_failures, settings);
}

}  // namespace

ServiceOutcome run_service(Transaction& transaction, const std::string& service_arn, RoundHosts& hosts,
                           const LoopSettings& settings) {
  const auto service = transaction->service(service_arn);
  if (!service || service->status == api::ServiceStatus::inactive) return {};
  auto outcome = Application(transaction, service, hosts, settings).run();
  if (outcome.unplaced) {
    const auto retry = transaction.now() + settings.placement_retry;
    outcome.look_again_at = std::min(outcome.look_again_at.value_or(retry), retry);
  }
  return outcome;
}

void note_task_change(Transaction& transaction, const Change<Task>& change,
                      const DeploymentSettings& settings) {
  if (!change.before || !change.after || change.after->deployment_id.empty()) return;
  const auto& before = *change.before;
  const auto& after = *change.after;
  const bool began = !before.started_at && after.started_at && !after.stopped();
  const bool ended = !before.stopped() && after.stopped();
  if (!began && !ended) return;
  const auto found = transaction->service(after.service_arn);
  if (!found) return;
  Service service = *found;
  auto* deployment = find_deployment(service, after.deployment_id);
  if (deployment == nullptr) return;
  if (began) note_running(service, after, transaction->task_definition(after.task_definition_arn));
  if (ended) note_stopped(service, *deployment, after, settings, transaction.now());
  transaction.put(std::move(service));
}

}  // namespace gantry::controlplane
