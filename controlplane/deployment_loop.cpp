#include "controlplane/deployment_loop.h"

#include "base/log.h"
#include "controlplane/deployment_apply.h"
#include "controlplane/task_changes.h"

#include <algorithm>

namespace gantry::controlplane {

namespace {

// Payloads raise an instance's sequence number; that alone concerns no service.
bool concerns_placement(const Change<ContainerInstance>& change) {
  if (!change.before || !change.after) return true;
  const auto& before = *change.before;
  const auto& after = *change.after;
  return before.status != after.status || before.agent_connected != after.agent_connected ||
         before.attributes != after.attributes;
}

const std::string& cluster_arn_of(const Change<ContainerInstance>& change) {
  return change.after ? change.after->cluster_arn : change.before->cluster_arn;
}

void add_all(std::set<std::string>& into, const std::set<std::string>& from) {
  into.insert(from.begin(), from.end());
}

// Which services the batch's changes touch.
class Touched {
 public:
  Touched(const State& state, const std::set<std::string>& waiting) : state_(state), waiting_(waiting) {}

  void operator()(const Change<Service>& change) { services.insert(change.key); }
  void operator()(const Change<Task>& change) {
    const auto& task = change.after ? *change.after : *change.before;
    if (!task.service_arn.empty()) services.insert(task.service_arn);
    if (task.stopped()) add_all(services, waiting_);  // it made room
    if (task.stopped() && task.service_arn.empty()) add_daemons_of(task);
  }
  void operator()(const Change<ContainerInstance>& change) {
    if (concerns_placement(change)) add_all(services, state_.services_of_cluster(cluster_arn_of(change)));
  }
  template <class T>
  void operator()(const Change<T>&) {}

  std::set<std::string> services;

 private:
  // A daemon leaves a draining instance after the last other task.
  void add_daemons_of(const Task& task) {
    for (const auto& arn : state_.tasks_of_instance(task.container_instance_arn)) {
      const auto other = state_.task(arn);
      if (other && !other->service_arn.empty()) services.insert(other->service_arn);
    }
  }

  const State& state_;
  const std::set<std::string>& waiting_;
};

void note_task_changes(Transaction& transaction, const DeploymentSettings& settings) {
  const auto changes = transaction.changes();  // a copy: noting adds to them
  for (const auto& any : changes) {
    if (const auto* change = std::get_if<Change<Task>>(&any))
      note_task_change(transaction, *change, settings);
  }
}

}  // namespace

std::set<std::string> DeploymentLoop::services_to_look_at(const Transaction& transaction) const {
  Touched touched(transaction.state(), waiting_);
  for (const auto& change : transaction.changes()) std::visit(touched, change);
  for (const auto& [arn, at] : due_) {
    if (at <= transaction.now()) touched.services.insert(arn);
  }
  const bool nothing = transaction.changes().empty() && touched.services.empty();
  if (started_ && !nothing) return touched.services;
  for (const auto& [arn, service] : transaction->services()) touched.services.insert(arn);
  return touched.services;
}

std::optional<api::EpochSeconds> DeploymentLoop::give_up_lost_hosts(Transaction& transaction) const {
  std::optional<api::EpochSeconds> next;
  if (settings_.host_lost_after <= 0) return next;
  for (const auto& [arn, instance] : transaction->instances()) {
    if (instance->agent_connected || !instance->disconnected_at) continue;
    const auto tasks = transaction->tasks_of_instance(arn);  // a copy: stopping changes the index
    const bool alive = std::any_of(tasks.begin(), tasks.end(), [&](const std::string& task) {
      return !transaction->task(task)->stopped();
    });
    if (!alive) continue;
    const auto lost_at = *instance->disconnected_at + settings_.host_lost_after;
    if (lost_at > transaction.now()) {
      next = std::min(next.value_or(lost_at), lost_at);
      continue;
    }
    log::warning("host lost instance={} tasks={}", instance->id(), tasks.size());
    for (const auto& task : tasks) {
      stop_now(transaction, task, api::StopCode::termination_notice, "Host lost");
    }
  }
  return next;
}

std::optional<api::EpochSeconds> DeploymentLoop::reconcile(Transaction& transaction) {
  note_task_changes(transaction, settings_.deployment);
  auto next = give_up_lost_hosts(transaction);
  const auto services = services_to_look_at(transaction);
  started_ = true;
  RoundHosts hosts(transaction.state());
  for (const auto& arn : services) {
    due_.erase(arn);
    waiting_.erase(arn);
    const auto outcome = run_service(transaction, arn, hosts, settings_);
    if (outcome.look_again_at) due_[arn] = *outcome.look_again_at;
    if (outcome.unplaced) waiting_.insert(arn);
  }
  for (const auto& [arn, at] : due_) next = std::min(next.value_or(at), at);
  return next;
}

}  // namespace gantry::controlplane
