#pragma once

#include "controlplane/controller.h"

namespace gantry::controlplane {

// How long records that are over stay describable, in seconds.
struct RetentionSettings {
  double stopped_tasks = 3600;  // ECS: "at least an hour"
  double inactive = 24 * 3600;  // services, clusters, container instances
  double tokens = 24 * 3600;    // idempotency tokens and event ids
  double look_every = 60;
};

// Removes what has been over for long enough, and task definitions that are to be deleted as soon as nothing
// refers to them.
class Retention final : public Reconciler {
 public:
  explicit Retention(RetentionSettings settings = {}) : settings_(settings) {}
  std::optional<api::EpochSeconds> reconcile(Transaction& transaction) override;

 private:
  RetentionSettings settings_;
  api::EpochSeconds next_ = 0;
};

}  // namespace gantry::controlplane
