#pragma once

#include "agent/task.h"

#include <chrono>
#include <optional>
#include <string>

namespace gantry::agent {

enum class DependencyOutcome { met, waiting, never };

struct DependencyState {
  DependencyOutcome outcome = DependencyOutcome::met;
  std::string reason;                 // for never: "TaskDependencyError: …"
  std::optional<TimePoint> deadline;  // for waiting: when it becomes never
};

// Whether a container's dependsOn lets it begin. START: the other runs, or has run. COMPLETE: it has ended.
// SUCCESS: with 0. HEALTHY: its health check says so. From the other's start on, its startTimeout bounds the
// last three; `start_timeout` is for those that have none.
DependencyState check_dependencies(const Task& task, size_t container, std::chrono::nanoseconds start_timeout,
                                   TimePoint now);

}  // namespace gantry::agent
