#include "controlplane/deployment_round.h"

#include "controlplane/deployment_scale_in.h"
#include "controlplane/service_events.h"

#include <algorithm>

namespace gantry::controlplane {

namespace {

// Choosing what to scale in looks at all tasks each time: many of them go in several rounds.
constexpr int most_scaled_in = 50;

}  // namespace

Condition condition_of(const TaskSnapshot& task, int grace_period, const DeploymentSettings& settings,
                       api::EpochSeconds now) {
  if (!task.running) return Condition::waiting;
  const double age = now - task.started_at.value_or(now);
  if (!task.has_health_check) return age >= settings.healthy_after ? Condition::healthy : Condition::warming;
  switch (task.health) {
    case api::HealthStatus::healthy:
      return Condition::healthy;
    case api::HealthStatus::unhealthy:
      return age >= grace_period ? Condition::unhealthy : Condition::warming;
    case api::HealthStatus::unknown:
      return Condition::warming;
  }
  return Condition::warming;
}

Round::Round(const ServiceSnapshot& service, const DeploymentSettings& settings, api::EpochSeconds now)
    : service_(service), settings_(settings), now_(now), desired_(service.desired_count) {
  if (service.strategy == api::SchedulingStrategy::daemon) {
    desired_ = static_cast<int>(std::count_if(service.daemon_hosts.begin(), service.daemon_hosts.end(),
                                              [](const DaemonHost& host) { return host.eligible; }));
  }
  if (!service.active) desired_ = 0;
  const std::string first = service.deployments.empty() ? "" : service.deployments.front().id;
  failed_ = !service.deployments.empty() && primary().rollout == api::RolloutState::failed;
  for (const auto& task : service.tasks) {
    const auto condition = condition_of(task, service.grace_period, settings, now);
    entries_.push_back({&task, condition, task.deployment_id == first, task.wanted});
    if (task.wanted) tally(entries_.back(), 1);
  }
  result_.desired_count = desired_;
}

int Round::most() const {
  return desired_ * service_.maximum_percent / 100;
}

int Round::least() const {
  return (desired_ * service_.minimum_healthy_percent + 99) / 100;
}

bool Round::throttled() {
  if (primary().next_start_at <= now_) return false;
  look_again(primary().next_start_at);
  return true;
}

// Counts an alive entry in (1) or out (-1).
void Round::tally(const Entry& entry, int by) {
  counts_[static_cast<size_t>(entry.condition)] += by;
  alive_ += by;
  if (is_keeper(entry)) keepers_ += by;
}

bool Round::replaceable(const Entry& entry) const {
  return entry.condition == Condition::unhealthy || entry.task->draining;
}

bool Round::is_unhealthy(const Entry& entry) const {
  return entry.alive && entry.primary && !entry.task->draining && entry.condition == Condition::unhealthy;
}

bool Round::is_keeper(const Entry& entry) const {
  return entry.alive && entry.primary && !replaceable(entry);
}

// Stopping one that isn't serving costs nothing; one that warms up may be the only one that serves, so it
// goes when the others are enough.
bool Round::may_stop(const Entry& entry) const {
  const int healthy = count(Condition::healthy);
  switch (entry.condition) {
    case Condition::waiting:
    case Condition::unhealthy:
      return true;
    case Condition::warming:
      return healthy >= least();
    case Condition::healthy:
      return healthy - 1 >= least();
  }
  return false;
}

void Round::stop(Entry& entry, const std::string& reason) {
  tally(entry, -1);
  entry.alive = false;
  ++stops_;
  decide(StopTask{entry.task->arn, reason});
}

void Round::stop_for_scaling(Entry& entry) {
  const std::string id = service_.deployments.empty() ? "" : primary().id;
  stop(entry, format("Scaling activity initiated by (deployment {})", id));
}

// Not running ones first, then unhealthy, warming and healthy ones; among equals the oldest first.
std::vector<Round::Entry*> Round::in_stop_order(bool (Round::*wanted)(const Entry&) const) {
  constexpr int order[] = {0, 2, 3, 1};  // waiting, warming, healthy, unhealthy
  std::vector<Entry*> chosen;
  for (auto& entry : entries_) {
    if ((this->*wanted)(entry)) chosen.push_back(&entry);
  }
  std::stable_sort(chosen.begin(), chosen.end(), [&](const Entry* left, const Entry* right) {
    const int a = order[static_cast<int>(left->condition)];
    const int b = order[static_cast<int>(right->condition)];
    if (a != b) return a < b;
    return left->task->started_at.value_or(0) < right->task->started_at.value_or(0);
  });
  return chosen;
}

void Round::check_breaker() {
  if (!service_.breaker_enabled || primary().rollout != api::RolloutState::in_progress) return;
  if (primary().failed_tasks < breaker_threshold(desired_)) return;
  failed_ = true;
  decide(FailDeployment{primary().id, service_.breaker_rollback && service_.rollback_possible});
  result_.events.push_back(service_events::deployment_failed(service_.name, primary().id));
  look_again(now_);
}

void Round::start(int count) {
  if (count <= 0) return;
  starts_ += count;
  decide(StartTasks{primary().id, count, {}});
}

bool Round::host_has_task(const std::string& host, bool only_primary) const {
  return std::any_of(entries_.begin(), entries_.end(), [&](const Entry& entry) {
    return entry.task->instance_arn == host && (!only_primary || entry.primary || !entry.task->wanted);
  });
}

// One on each eligible host that has none; beside an old one only as far as the maximum goes beyond 100 %.
void Round::start_daemons() {
  if (failed_ || throttled()) return;
  StartTasks start{primary().id, 0, {}};
  int extra = most() - desired_;
  for (const auto& host : service_.daemon_hosts) {
    if (!host.eligible || host_has_task(host.arn, true)) continue;
    if (host_has_task(host.arn, false) && extra-- <= 0) continue;
    start.hosts.push_back(host.arn);
  }
  start.count = static_cast<int>(start.hosts.size());
  starts_ += start.count;
  if (start.count > 0) decide(std::move(start));
}

void Round::stop_old() {
  if (failed_) return;
  const bool wait = new_ones_come_up();
  for (auto* entry : in_stop_order(&Round::is_old)) {
    if (wait && entry->condition == Condition::healthy) continue;
    if (may_stop(*entry)) stop_for_scaling(*entry);
  }
}

// With 100/200: the maximum let all new tasks start beside the old ones, so all come up before the first
// healthy old one goes. A minimum below 100 percent asks for haste instead.
bool Round::new_ones_come_up() const {
  if (service_.strategy != api::SchedulingStrategy::replica || keepers_ < desired_ || least() < desired_)
    return false;
  return std::any_of(entries_.begin(), entries_.end(), [](const Entry& entry) {
    return entry.alive && entry.primary &&
           (entry.condition == Condition::waiting || entry.condition == Condition::warming);
  });
}

void Round::stop_draining() {
  for (auto* entry : in_stop_order(&Round::is_draining)) {
    if (may_stop(*entry)) stop_for_scaling(*entry);
  }
}

// Once the others are enough; or, when there is no room for a replacement beside it, down to the minimum of
// running ones, and at the minimum one at a time.
void Round::stop_unhealthy(int starts) {
  for (auto* entry : in_stop_order(&Round::is_unhealthy)) {
    const int alive = alive_count();
    const bool no_room = alive + starts >= most() && keeper_count() + starts < desired_;
    const int running = alive - count(Condition::waiting);
    const bool in_flight = starts > 0 || stops_ > 0 || count(Condition::waiting) > 0 ||
                           alive != static_cast<int>(entries_.size());
    const bool enough = count(Condition::healthy) >= least();
    if (!enough && !(no_room && (running - 1 >= least() || !in_flight))) continue;
    result_.events.push_back(service_events::failed_health_check(service_.name, entry->task->arn));
    stop(*entry, std::string(failed_health_reason));
  }
}

Round::Entry* Round::worst_keeper() {
  const auto keepers = in_stop_order(&Round::is_keeper);
  if (keepers.empty()) return nullptr;
  if (keepers.front()->condition == Condition::waiting) return keepers.front();
  std::vector<const TaskSnapshot*> tasks;
  for (const auto* entry : keepers) tasks.push_back(entry->task);
  return keepers[scale_in_choice(tasks, service_.placement_strategy)];
}

void Round::stop_surplus() {
  for (int stopped = 0; keeper_count() > desired_; ++stopped) {
    auto* entry = worst_keeper();
    if (entry == nullptr || !may_stop(*entry)) return;
    if (stopped == most_scaled_in) {
      look_again(now_);
      return;
    }
    stop_for_scaling(*entry);
  }
}

// DAEMON: where constraints no longer fit; and on draining hosts after everything else has left.
void Round::stop_misplaced() {
  for (auto& entry : entries_) {
    if (!entry.alive) continue;
    const auto host =
        std::find_if(service_.daemon_hosts.begin(), service_.daemon_hosts.end(),
                     [&](const DaemonHost& each) { return each.arn == entry.task->instance_arn; });
    const bool last_on_draining =
        host != service_.daemon_hosts.end() && host->draining && host->other_tasks == 0;
    if (entry.task->misplaced || last_on_draining) stop_for_scaling(entry);
  }
}

void Round::stop_all() {
  for (auto* entry : in_stop_order(&Round::is_alive)) stop_for_scaling(*entry);
}

void Round::tell_if_stuck(int starts) {
  if (failed_ || starts > 0 || stops_ > 0 || keeper_count() >= desired_ || throttled()) return;
  const bool in_flight = count(Condition::waiting) + count(Condition::warming) > 0 ||
                         alive_count() != static_cast<int>(entries_.size());
  if (in_flight || alive_count() < most()) return;
  result_.events.push_back(service_events::cannot_roll(service_.name));
}

// Is every task of the PRIMARY up, and nothing else there?
bool Round::all_up() const {
  if (starts_ > 0 || stops_ > 0 || static_cast<int>(entries_.size()) != desired_) return false;
  return std::all_of(entries_.begin(), entries_.end(), [](const Entry& entry) {
    const bool up = entry.condition == Condition::healthy ||
                    (entry.condition == Condition::warming && !entry.task->has_health_check);
    return entry.alive && entry.primary && up;
  });
}

void Round::end_deployments() {
  for (size_t i = 1; i < service_.deployments.size(); ++i) {
    const auto& id = service_.deployments[i].id;
    const bool empty = std::none_of(entries_.begin(), entries_.end(),
                                    [&](const Entry& entry) { return entry.task->deployment_id == id; });
    if (empty) decide(RemoveDeployment{id});
  }
  if (failed_ || !all_up()) return;
  if (primary().rollout == api::RolloutState::in_progress) {
    completing_ = true;
    decide(CompleteDeployment{primary().id});
    result_.events.push_back(service_events::deployment_completed(service_.name, primary().id));
  }
  judge_steadiness();
}

void Round::judge_steadiness() {
  result_.steady = true;
  const api::EpochSeconds repeat_at = service_.last_steady_at + settings_.steady_repeat;
  result_.tell_steady = !service_.steady || completing_ || now_ >= repeat_at;
  if (result_.tell_steady) result_.events.push_back(service_events::steady_state(service_.name));
  look_again(result_.tell_steady ? now_ + settings_.steady_repeat : repeat_at);
}

void Round::look_again(api::EpochSeconds at) {
  if (!result_.look_again_at || at < *result_.look_again_at) result_.look_again_at = at;
}

// When a task's age alone will change its condition.
void Round::note_wake_ups() {
  for (const auto& entry : entries_) {
    if (!entry.alive || entry.condition != Condition::warming) continue;
    const double limit = entry.task->has_health_check ? service_.grace_period : settings_.healthy_after;
    const api::EpochSeconds at = entry.task->started_at.value_or(now_) + limit;
    if (at > now_) look_again(at);
  }
}

ServiceDecisions Round::finish() {
  if (!service_.deployments.empty() && service_.active && !failed_ &&
      primary().consecutive_failures >= settings_.throttle_reported_at) {
    result_.events.push_back(service_events::cannot_start_consistently(service_.name));
  }
  note_wake_ups();
  return std::move(result_);
}

}  // namespace gantry::controlplane
