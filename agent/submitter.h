#pragma once

#include "agent/backoff.h"
#include "agent/control_plane.h"
#include "agent/stopping.h"
#include "agent/task_manager.h"

#include <map>
#include <optional>
#include <string>

namespace gantry::agent {

// What the control plane is told of a task: its status and all containers that run or have stopped.
api::SubmitTaskStateChangeRequest state_change(const Task& task, const std::string& cluster);

// Tells the control plane what changed: for each task one event at a time, in order, again and again with
// growing waits until it is acknowledged. An event that is refused as invalid is dropped.
class Submitter {
 public:
  Submitter(TaskManager& manager, ControlPlane& control, const Clock& clock, std::string cluster)
      : manager_(manager), control_(control), clock_(clock), cluster_(std::move(cluster)) {}

  void run(Stopping& stopping);  // until then

  // Sends what is due now; answers when to look again, if events wait for their next try.
  std::optional<TimePoint> send_due();

 private:
  struct Retry {
    Backoff backoff{{std::chrono::seconds(1), std::chrono::seconds(30), 1.3, 0.2}};
    TimePoint due;
  };
  void send(const Task& task);

  TaskManager& manager_;
  ControlPlane& control_;
  const Clock& clock_;
  const std::string cluster_;
  std::map<std::string, Retry> retries_;  // by ARN
};

}  // namespace gantry::agent
