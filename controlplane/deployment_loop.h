#pragma once

#include "controlplane/controller.h"
#include "controlplane/deployment.h"

#include <memory>
#include <optional>

namespace gantry::controlplane {

struct LoopSettings {
  DeploymentSettings deployment;
  double host_lost_after = 300;  // seconds without an ACS socket until a host's tasks are STOPPED; 0: never
  double placement_retry = 5;    // seconds until tasks that found no place are tried again
};

// Turns the rules of deployment.h and scheduler.h into changes of state: starts, places and stops the tasks
// of services, completes, fails and rolls back deployments, writes service events, gives up lost hosts.
class DeploymentLoop final : public Reconciler {
 public:
  explicit DeploymentLoop(LoopSettings settings) : settings_(settings) {}
  std::optional<api::EpochSeconds> reconcile(Transaction& transaction) override;

 private:
  LoopSettings settings_;
};

}  // namespace gantry::controlplane
