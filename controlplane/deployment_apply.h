#pragma once

#include "controlplane/deployment_loop.h"
#include "controlplane/scheduler.h"
#include "controlplane/state.h"

// Private to the deployment loop: from state to a service's snapshot, and from decisions to changes.

namespace gantry::controlplane {

// The hosts of each cluster as one round of the loop sees them, with what the round has placed.
class RoundHosts {
 public:
  explicit RoundHosts(const State& state) : state_(state) {}
  Scheduler& of_cluster(const std::string& cluster_arn);

 private:
  const State& state_;
  std::map<std::string, Scheduler> schedulers_;
};

ServiceSnapshot service_snapshot(const State& state, const Service& service, RoundHosts& hosts);

// What one task of a service's deployment asks for. Null definition: none of that ARN.
TaskRequest service_request(const Service& service, const TaskDefinition& definition);

struct ServiceOutcome {
  std::optional<api::EpochSeconds> look_again_at;
  bool unplaced = false;
};

// Looks at one service and puts what follows into the transaction.
ServiceOutcome run_service(Transaction& transaction, const std::string& service_arn, RoundHosts& hosts,
                           const LoopSettings& settings);

// Follows a task of a service that began to run or stopped: the deployment's counters and throttle.
void note_task_change(Transaction& transaction, const Change<Task>& change,
                      const DeploymentSettings& settings);

}  // namespace gantry::controlplane
