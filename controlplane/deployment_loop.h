#pragma once

#include "controlplane/controller.h"
#include "controlplane/deployment.h"

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

namespace gantry::controlplane {

struct LoopSettings {
  DeploymentSettings deployment;
  double host_lost_after = 300;  // seconds without an ACS socket until a host's tasks are STOPPED; 0: never
  double placement_retry = 5;    // seconds until tasks that found no place are tried again
};

// Turns the rules of deployment.h and scheduler.h into changes of state: starts, places and stops the tasks
// of services, completes, fails and rolls back deployments, writes service events, gives up lost hosts.
//
// It looks only at services that the batch touched, that are due, or that wait for room; at all of them after
// start, and when it is called though nothing changed and nothing is due (a batch wasn't stored).
class DeploymentLoop final : public Reconciler {
 public:
  explicit DeploymentLoop(LoopSettings settings = {}) : settings_(settings) {}
  std::optional<api::EpochSeconds> reconcile(Transaction& transaction) override;

 private:
  std::set<std::string> services_to_look_at(const Transaction& transaction) const;
  std::optional<api::EpochSeconds> give_up_lost_hosts(Transaction& transaction) const;

  LoopSettings settings_;
  bool started_ = false;
  std::map<std::string, api::EpochSeconds> due_;  // by service ARN
  std::set<std::string> waiting_;                 // services with tasks that found no place
};

}  // namespace gantry::controlplane
