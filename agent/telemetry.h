#pragma once

#include "agent/metrics.h"
#include "agent/task.h"
#include "api/agent_telemetry.h"
#include "base/time.h"

#include <string>
#include <vector>

namespace gantry::agent {

struct TelemetryNames {
  std::string cluster;
  std::string container_instance;
};

// The health of all running tasks that have a health check, at most 10 tasks a message. None: no message.
std::vector<api::PublishHealthRequest> health_messages(const std::vector<Task>& tasks,
                                                       const TelemetryNames& names, TimePoint now);

// Something that differs exactly when health_messages() would say something else about tasks.
std::string health_digest(const std::vector<Task>& tasks);

// The metrics of all running tasks, at most 10 tasks a message; without tasks one that says "idle".
std::vector<api::PublishMetricsRequest> metrics_messages(const std::vector<Task>& tasks,
                                                         const Metrics& metrics, const TelemetryNames& names,
                                                         TimePoint now);

}  // namespace gantry::agent
