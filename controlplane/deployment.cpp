#include "controlplane/deployment.h"

#include "controlplane/deployment_round.h"
#include "controlplane/service_events.h"

#include <algorithm>
#include <cmath>

namespace gantry::controlplane {

namespace {

// How many of the PRIMARY's tasks a REPLICA service starts now.
int starts_wanted(Round& round) {
  if (round.failed() || round.throttled()) return 0;
  const int room = round.most() - round.alive_count();
  return std::clamp(round.desired() - round.keeper_count(), 0, std::max(0, room));
}

void decide_replica(Round& round) {
  const int starts = starts_wanted(round);
  round.start(starts);
  round.stop_old();
  round.stop_draining();
  round.stop_unhealthy(starts);
  round.stop_surplus();
  round.tell_if_stuck(starts);
}

void decide_daemon(Round& round) {
  round.start_daemons();
  round.stop_misplaced();
  round.stop_old();
  round.stop_unhealthy(0);
}

void decide_inactive(Round& round) {
  round.stop_all();
  if (round.service().tasks.empty()) round.decide(EndService{});
}

}  // namespace

bool is_healthy(const TaskSnapshot& task, const DeploymentSettings& settings, api::EpochSeconds now) {
  return condition_of(task, 0, settings, now) == Condition::healthy;
}

bool counts_as_failure(const StoppedTaskSnapshot& task, bool deployment_reached_running) {
  if (task.health_check_failed) return true;
  return !task.reached_running && !task.stopped_by_us && !deployment_reached_running;
}

int breaker_threshold(int desired_count) {
  return std::min(200, std::max(3, (desired_count + 1) / 2));
}

double start_pause(int consecutive_failures, const DeploymentSettings& settings) {
  if (consecutive_failures <= 0) return 0;
  return std::min(settings.most_throttle, settings.first_throttle * std::exp2(consecutive_failures - 1));
}

ServiceDecisions decide(const ServiceSnapshot& service, const DeploymentSettings& settings,
                        api::EpochSeconds now) {
  Round round(service, settings, now);
  if (service.deployments.empty() || !service.active) {
    decide_inactive(round);
    return round.finish();
  }
  round.check_breaker();
  if (service.strategy == api::SchedulingStrategy::daemon) {
    decide_daemon(round);
  } else {
    decide_replica(round);
  }
  round.end_deployments();
  return round.finish();
}

}  // namespace gantry::controlplane
