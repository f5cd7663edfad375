#pragma once

#include "api/ecs_service.h"
#include "controlplane/placement.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

// The service scheduler's rules, as a function from a snapshot of one service to decisions. No I/O, no clock.
// Source: Amazon ECS Developer Guide, "Service scheduler concepts", "Deployment circuit breaker", "Draining".

namespace gantry::controlplane {

// Durations in seconds.
struct DeploymentSettings {
  double healthy_after = 40;     // a task without health checks counts as healthy after running so long
  double first_throttle = 1;     // pause after the 1st failed start, doubled by each further one …
  double most_throttle = 900;    // … up to this
  int throttle_reported_at = 3;  // failures in a row until "is unable to consistently start tasks"
  double steady_repeat = 6 * 3600;
};

struct TaskSnapshot {
  std::string arn;
  std::string deployment_id;
  std::string instance_arn;
  std::string zone;
  bool running = false;           // lastStatus RUNNING
  bool wanted = true;             // desiredStatus RUNNING; false: it is stopping
  bool has_health_check = false;  // an essential container has one
  api::HealthStatus health = api::HealthStatus::unknown;
  std::optional<api::EpochSeconds> started_at;
  bool draining = false;   // its instance is DRAINING
  bool misplaced = false;  // DAEMON: its instance doesn't match the constraints any more, or can't be used
  int64_t host_memory_remaining = 0;  // of its instance, for scale-in of binpack
  int64_t host_cpu_remaining = 0;
  std::map<std::string, std::string> host_attributes;  // for scale-in of spread
};

struct DeploymentSnapshot {
  std::string id;
  bool primary = false;
  api::RolloutState rollout = api::RolloutState::in_progress;
  int failed_tasks = 0;  // what the circuit breaker counts
  int consecutive_failures = 0;
  api::EpochSeconds next_start_at = 0;  // throttled until
};

// A host of a DAEMON service.
struct DaemonHost {
  std::string arn;
  bool eligible = false;  // ACTIVE, connected, attributes and constraints fit
  bool draining = false;
  int other_tasks = 0;  // of other services, not STOPPED: a daemon leaves a draining host last
};

struct ServiceSnapshot {
  std::string name;
  bool active = true;  // false: DRAINING, all tasks go
  api::SchedulingStrategy strategy = api::SchedulingStrategy::replica;
  int desired_count = 0;
  int minimum_healthy_percent = 100;
  int maximum_percent = 200;
  bool breaker_enabled = false;
  bool breaker_rollback = false;
  bool rollback_possible = false;  // there is a last COMPLETED deployment, of another revision or image
  int grace_period = 0;            // seconds after start in which UNHEALTHY is ignored
  bool steady = false;             // as the last decision left it
  api::EpochSeconds last_steady_at = 0;
  std::vector<DeploymentSnapshot> deployments;  // the PRIMARY first
  std::vector<TaskSnapshot> tasks;              // those not STOPPED
  std::vector<api::PlacementStrategy> placement_strategy;
  std::vector<DaemonHost> daemon_hosts;  // DAEMON only
};

struct StartTasks {
  std::string deployment_id;
  int count = 0;
  std::vector<std::string> hosts;  // DAEMON: one task on each of these; else empty
};

inline constexpr std::string_view failed_health_reason = "Task failed container health checks";

// Always with stopCode ServiceSchedulerInitiated.
struct StopTask {
  std::string task_arn;
  std::string reason;
};

struct CompleteDeployment {
  std::string deployment_id;
};

// The circuit breaker opened.
struct FailDeployment {
  std::string deployment_id;
  bool roll_back = false;
};

// Its last task is gone; it isn't PRIMARY.
struct RemoveDeployment {
  std::string deployment_id;
};

// DRAINING and the last task is gone.
struct EndService {};

using Decision =
    std::variant<StartTasks, StopTask, CompleteDeployment, FailDeployment, RemoveDeployment, EndService>;

struct ServiceDecisions {
  std::vector<Decision> decisions;
  std::vector<std::string> events;  // with the leading "(service NAME)"; texts of service_events.h
  bool steady = false;
  bool tell_steady = false;                        // "has reached a steady state." is among the events
  std::optional<api::EpochSeconds> look_again_at;  // when time alone may change the decision
  // DAEMON: the number of eligible hosts; REPLICA: desired_count.
  int desired_count = 0;
};

// Rules, in the order of a round: start new-revision tasks up to floor(D × maximumPercent / 100); then stop
// what is to go while ceil(D × minimumHealthyPercent / 100) healthy ones remain, those that aren't running or
// aren't healthy first. Healthy: RUNNING, and its health checks HEALTHY; without any, for
// `healthy_after` seconds. A task that is stopping counts for neither bound.
ServiceDecisions decide(const ServiceSnapshot& service, const DeploymentSettings& settings,
                        api::EpochSeconds now);

bool is_healthy(const TaskSnapshot& task, const DeploymentSettings& settings, api::EpochSeconds now);

// A task of a deployment stopped. Does it count for the circuit breaker?
struct StoppedTaskSnapshot {
  bool reached_running = false;
  bool health_check_failed = false;
  bool stopped_by_us = false;  // by a user or the scheduler before it could run
};
bool counts_as_failure(const StoppedTaskSnapshot& task, bool deployment_reached_running);

// min(200, max(3, ceil(0.5 × desired))).
int breaker_threshold(int desired_count);
// The pause after `consecutive_failures` starts that never ran; 0 for none. Seconds.
double start_pause(int consecutive_failures, const DeploymentSettings& settings);

}  // namespace gantry::controlplane
