#pragma once

#include "base/fd.h"
#include "oci/runtime_config.h"
#include "runtime/devices.h"

namespace gantry::runtime {

// Nodes for a container whose root may make none, as it is in a user namespace: on a tmpfs of the caller's,
// mounted nowhere, from which each is bound like a node of the host's. Needs CAP_MKNOD in the first user
// namespace, and Linux 6.15 (open_tree(2) of what isn't attached).
class DeviceNodes {
 public:
  // Owners are looked up in the mappings of `config`.
  explicit DeviceNodes(const oci::Linux& config) : config_(config) {}

  // A detached mount of the node. Empty where the caller or the kernel can't, or an owner isn't mapped.
  UniqueFd make(const DevicePlan& device);

 private:
  const oci::Linux& config_;
  UniqueFd folder_;
  int count_ = 0;
};

}  // namespace gantry::runtime
