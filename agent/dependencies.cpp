#include "agent/dependencies.h"

#include <algorithm>

namespace gantry::agent {

namespace {

DependencyOutcome outcome_of(const std::string& condition, const ContainerRecord& other) {
  const bool stopped = other.known == ContainerStatus::stopped;
  const bool ran = other.started_at != TimePoint{};
  if (condition == "START") {
    if (other.known == ContainerStatus::running || (stopped && ran)) return DependencyOutcome::met;
  } else if (condition == "HEALTHY") {
    const bool running = other.known == ContainerStatus::running;
    if (running && other.health == HealthStatus::healthy) return DependencyOutcome::met;
  } else {  // COMPLETE, SUCCESS
    const bool ended = stopped && ran && other.exit_code.has_value();
    if (ended && (condition == "COMPLETE" || *other.exit_code == 0)) return DependencyOutcome::met;
  }
  return stopped ? DependencyOutcome::never : DependencyOutcome::waiting;
}

std::string why_never(const ContainerRecord& other) {
  if (!other.reason.empty()) return other.reason;
  if (other.exit_code) return format("it has ended with exit code {}", *other.exit_code);
  return "it was stopped";
}

struct Other {
  const api::PayloadContainer* container = nullptr;
  const ContainerRecord* record = nullptr;
};

Other find_container(const Task& task, const std::string& name) {
  for (size_t i = 0; i < task.payload.containers.size(); ++i) {
    if (task.payload.containers[i].name == name)
      return {&task.payload.containers[i], &task.record.containers[i]};
  }
  return {};
}

DependencyState check_one(const Task& task, const std::string& dependent,
                          const api::PayloadDependency& dependency, std::chrono::nanoseconds start_timeout,
                          TimePoint now) {
  const auto other = find_container(task, dependency.container_name);
  const auto never = [&](const std::string& why) {
    return DependencyState{DependencyOutcome::never,
                           format("TaskDependencyError: container {} waits for {} to be {}: {}", dependent,
                                  dependency.container_name, dependency.condition, why),
                           {}};
  };
  if (other.record == nullptr) return never("there is no such container");
  const auto outcome = outcome_of(dependency.condition, *other.record);
  if (outcome == DependencyOutcome::met) return {};
  if (outcome == DependencyOutcome::never) return never(why_never(*other.record));
  const bool timed = dependency.condition != "START" && other.record->started_at != TimePoint{};
  if (!timed) return {DependencyOutcome::waiting, {}, {}};
  const auto limit = other.container->start_timeout
                         ? std::chrono::nanoseconds(std::chrono::seconds(*other.container->start_timeout))
                         : start_timeout;
  const auto deadline = other.record->started_at + limit;
  if (now >= deadline) {
    return never(format("it didn't within its start timeout of {}", human_duration(limit)));
  }
  return {DependencyOutcome::waiting, {}, deadline};
}

}  // namespace

DependencyState check_dependencies(const Task& task, size_t container, std::chrono::nanoseconds start_timeout,
                                   TimePoint now) {
  DependencyState all;
  for (const auto& dependency : task.payload.containers[container].depends_on) {
    auto one = check_one(task, task.payload.containers[container].name, dependency, start_timeout, now);
    if (one.outcome == DependencyOutcome::never) return one;
    if (one.outcome == DependencyOutcome::waiting) all.outcome = DependencyOutcome::waiting;
    if (one.deadline && (!all.deadline || *one.deadline < *all.deadline)) all.deadline = one.deadline;
  }
  return all;
}

}  // namespace gantry::agent
