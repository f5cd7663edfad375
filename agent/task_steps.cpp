#include "agent/task_steps.h"

#include "agent/dependencies.h"

#include <algorithm>

namespace gantry::agent {

namespace {

constexpr size_t longest_reason = 1024;

HealthStatus to_health(engine::HealthState state) {
  switch (state) {
    case engine::HealthState::none:
      return HealthStatus::none;
    case engine::HealthState::starting:
      return HealthStatus::unknown;
    case engine::HealthState::healthy:
      return HealthStatus::healthy;
    case engine::HealthState::unhealthy:
      return HealthStatus::unhealthy;
  }
  return HealthStatus::none;
}

std::string shorten(std::string reason) {
  if (reason.size() > longest_reason) reason.resize(longest_reason);
  return reason;
}

void take_facts(ContainerRecord& record, const Observed& observed, TimePoint now) {
  record.started_at = observed.started_at;
  record.restart_count = observed.restart_count;
  record.health_output = observed.health_output;
  if (!observed.address.empty()) record.address = observed.address;
  const auto health = to_health(observed.health);
  if (health != record.health) {
    record.health = health;
    record.health_since = now;
  }
  if (observed.ports.empty()) return;
  record.bindings.clear();
  for (const auto& port : observed.ports) {
    record.bindings.push_back({port.host_ip.empty() ? "0.0.0.0" : port.host_ip, port.container_port,
                               port.host_port, port.protocol == engine::Protocol::udp ? "udp" : "tcp"});
  }
}

void take_end(ContainerRecord& record, const Observed& observed, TimePoint now) {
  record.known = ContainerStatus::stopped;
  record.finished_at = observed.finished_at == TimePoint{} ? now : observed.finished_at;
  record.exit_code = observed.exit_code;
  if (observed.oom_killed) {
    record.reason = "OutOfMemoryError: Container killed due to memory usage";
  } else if (observed.started_at == TimePoint{} && !observed.error.empty()) {
    record.reason = shorten("CannotStartContainerError: " + observed.error);
  } else if (!observed.error.empty()) {
    record.reason = shorten("ContainerRuntimeError: " + observed.error);
  }
}

bool all_stopped(const Task& task) {
  return std::all_of(task.record.containers.begin(), task.record.containers.end(),
                     [](const auto& container) { return container.known == ContainerStatus::stopped; });
}

bool is_steady(const Task& task) {
  for (size_t i = 0; i < task.record.containers.size(); ++i) {
    const auto known = task.record.containers[i].known;
    const bool done = known == ContainerStatus::stopped && !task.payload.containers[i].essential;
    if (known != ContainerStatus::running && !done) return false;
  }
  return true;
}

void judge_essentials(Task& task) {
  for (size_t i = 0; i < task.record.containers.size(); ++i) {
    const auto& record = task.record.containers[i];
    if (!task.payload.containers[i].essential || record.known != ContainerStatus::stopped) continue;
    if (!task.record.execution_stopped_at) task.record.execution_stopped_at = record.finished_at;
    const bool ran = record.started_at != TimePoint{};
    want_stop(task, ran || record.reason.empty() ? "Essential container in task exited" : record.reason);
  }
}

void judge_dependencies(Task& task, const StepLimits& limits, TimePoint now) {
  for (size_t i = 0; i < task.record.containers.size(); ++i) {
    if (task.record.containers[i].known != ContainerStatus::none) continue;
    const auto found = check_dependencies(task, i, limits.start_timeout, now);
    if (found.outcome == DependencyOutcome::never) want_stop(task, shorten(found.reason));
  }
}

// What hasn't run needs no stopping. A pull under way is given up; a create or a start must end first, lest
// the container runs on unknown.
void end_what_never_ran(Task& task, TimePoint now) {
  for (auto& record : task.record.containers) {
    if (record.under_way == StepKind::create || record.under_way == StepKind::start) continue;
    if (record.known == ContainerStatus::running || record.known == ContainerStatus::stopped) continue;
    record.known = ContainerStatus::stopped;
    record.finished_at = now;
  }
}

bool is_wanted_by_others(const Task& task, size_t container) {
  const auto& name = task.payload.containers[container].name;
  for (size_t i = 0; i < task.payload.containers.size(); ++i) {
    if (task.record.containers[i].known == ContainerStatus::stopped) continue;
    for (const auto& dependency : task.payload.containers[i].depends_on) {
      if (dependency.container_name == name) return true;
    }
  }
  return false;
}

// Shutdown goes the other way round: first those that depend on others.
Decision steps_to_end(const Task& task) {
  Decision decision;
  for (size_t i = 0; i < task.record.containers.size(); ++i) {
    const auto& record = task.record.containers[i];
    const bool running = record.known == ContainerStatus::running && !record.under_way;
    if (running && !is_wanted_by_others(task, i)) decision.steps.push_back({StepKind::stop, i});
  }
  return decision;
}

}  // namespace

void observe(Task& task, size_t container, const Observed& observed, TimePoint now) {
  auto& record = task.record.containers[container];
  if (record.known == ContainerStatus::stopped) return;
  switch (observed.state) {
    case ObservedState::missing:
      if (record.known < ContainerStatus::created) return;
      record.known = ContainerStatus::stopped;
      record.finished_at = now;
      record.reason = "ContainerVanishedError: the container isn't on the host any more";
      return;
    case ObservedState::created:
      record.known = std::max(record.known, ContainerStatus::created);
      return;
    case ObservedState::running:
      take_facts(record, observed, now);
      record.known = ContainerStatus::running;
      return;
    case ObservedState::exited:
      take_facts(record, observed, now);
      take_end(record, observed, now);
      return;
  }
}

void judge(Task& task, const StepLimits& limits, TimePoint now) {
  auto& record = task.record;
  if (record.known == TaskStatus::stopped) return;
  judge_essentials(task);
  if (!record.stop_wanted) judge_dependencies(task, limits, now);
  if (record.stop_wanted) end_what_never_ran(task, now);
  if (all_stopped(task)) {
    record.known = TaskStatus::stopped;
    record.stopped_at = now;
  } else if (record.known == TaskStatus::pending && is_steady(task)) {
    record.known = TaskStatus::running;
  }
}

Decision next_steps(const Task& task, const StepLimits& limits, TimePoint now) {
  if (task.record.known == TaskStatus::stopped) return {};
  if (task.record.stop_wanted) return steps_to_end(task);
  Decision decision;
  for (size_t i = 0; i < task.record.containers.size(); ++i) {
    if (task.record.containers[i].under_way) continue;
    const auto known = task.record.containers[i].known;
    if (known == ContainerStatus::pulled) decision.steps.push_back({StepKind::create, i});
    if (known == ContainerStatus::created) decision.steps.push_back({StepKind::start, i});
    if (known != ContainerStatus::none) continue;
    const auto found = check_dependencies(task, i, limits.start_timeout, now);
    if (found.outcome == DependencyOutcome::met) decision.steps.push_back({StepKind::pull, i});
    if (found.deadline && (!decision.again || *found.deadline < *decision.again))
      decision.again = found.deadline;
  }
  return decision;
}

void want_stop(Task& task, std::string reason) {
  if (task.record.stop_wanted) return;
  task.record.stop_wanted = true;
  task.record.reason = std::move(reason);
}

void succeeded(Task& task, const Step& step, const ContainerRecord& of) {
  auto& record = task.record.containers[step.container];
  record.under_way.reset();
  if (step.kind == StepKind::pull && record.known == ContainerStatus::none) {
    record.image_digest = of.image_digest;
    record.known = ContainerStatus::pulled;
  } else if (step.kind == StepKind::create) {
    record.runtime_id = of.runtime_id;
    record.known = ContainerStatus::created;
  } else if (step.kind == StepKind::start && record.known == ContainerStatus::created) {
    record.known =
        ContainerStatus::running;  // also where the host can't be asked: it must be stopped one day
  }
}

void failed(Task& task, const Step& step, const Error& error, TimePoint now) {
  auto& record = task.record.containers[step.container];
  record.under_way.reset();
  if (step.kind == StepKind::stop) return;  // it still runs: the next round tries again
  if (record.known == ContainerStatus::stopped) return;
  record.known = ContainerStatus::stopped;
  record.finished_at = now;
  record.reason = reason_of(step.kind, error);
}

std::string reason_of(StepKind kind, const Error& error) {
  const bool login = error.kind() == ErrorKind::unauthenticated || error.kind() == ErrorKind::denied;
  const auto prefix = [&]() -> std::string_view {
    switch (kind) {
      case StepKind::pull:
        return login ? "CannotPullContainerAuthError" : "CannotPullContainerError";
      case StepKind::create:
        return "CannotCreateContainerError";
      case StepKind::start:
        return "CannotStartContainerError";
      case StepKind::stop:
        return "CannotStopContainerError";
    }
    return {};
  }();
  return shorten(format("{}: {}", prefix, error.message()));
}

}  // namespace gantry::agent
