#pragma once

#include "agent/container_driver.h"
#include "agent/task.h"

#include <chrono>
#include <optional>
#include <vector>

// A task's way from accepted to stopped, as functions of the task and the time: no I/O, no clock. The task's
// worker (task_worker.h) calls observe() with what the host shows, judge(), then begins the steps that
// next_steps() names, and records the end of each with succeeded() or failed(), round by round.
// Source of the rules: amazon-ecs-agent 1.105.1, agent/engine and ecs-agent/api/task/status.

namespace gantry::agent {

struct Step {
  StepKind kind = StepKind::pull;
  size_t container = 0;  // index into payload.containers
  bool operator==(const Step&) const = default;
};

struct Decision {
  std::vector<Step> steps;         // they may be taken at the same time
  std::optional<TimePoint> again;  // a time limit to look at; absent: only a change brings more
};

struct StepLimits {
  std::chrono::nanoseconds start_timeout = std::chrono::minutes(3);  // of a container without its own
};

// Takes what the host shows of a container into its record. Doesn't go backwards: stopped stays stopped.
void observe(Task& task, size_t container, const Observed& observed, TimePoint now);

// Draws the conclusions: the essential container that ended, dependencies that can never hold, the task's
// own status.
void judge(Task& task, const StepLimits& limits, TimePoint now);

// None for a container with a step under way.
Decision next_steps(const Task& task, const StepLimits& limits, TimePoint now);

// Asks for the task's end. An earlier reason stays.
void want_stop(Task& task, std::string reason);

// Takes a step's result into the record: `of` holds the image's digest after a pull, the runtime's id after a
// create. A pull that was given up meanwhile changes nothing.
void succeeded(Task& task, const Step& step, const ContainerRecord& of);

// Takes a step's failure into the record: the container is stopped, with a reason in ECS's form.
void failed(Task& task, const Step& step, const Error& error, TimePoint now);

// "CannotPullContainerError: …" and the like for an error of a step, at most 1,024 characters.
std::string reason_of(StepKind kind, const Error& error);

}  // namespace gantry::agent
