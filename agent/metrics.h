#pragma once

#include "agent/container_driver.h"
#include "agent/task.h"
#include "api/agent_telemetry.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace gantry::agent {

// Samples of one container since the last publication.
struct ContainerSamples {
  std::optional<engine::ContainerStats> last;  // counters, for differences
  api::StatsSet cpu;                           // per cent of one CPU
  api::StatsSet memory;                        // MiB
  api::StatsSet received;                      // bytes a sample
  api::StatsSet transmitted;
  api::StatsSet read;
  api::StatsSet written;
};

void add_sample(api::StatsSet& set, double value);

// Takes counters of running containers from time to time, and makes figures of them. One thread.
class Metrics {
 public:
  void sample(const std::vector<Task>& tasks, ContainerDriver& driver);
  const ContainerSamples* find(const std::string& runtime_id) const;
  void clear();  // after a publication: the counters stay

 private:
  std::map<std::string, ContainerSamples> samples_;  // by runtime id
};

// Differences of two readings into the sets; nothing for counters that went back.
void add_difference(ContainerSamples& samples, const engine::ContainerStats& now);

}  // namespace gantry::agent
