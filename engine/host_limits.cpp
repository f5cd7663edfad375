#include "cgroups/host.h"
#include "engine/engine.h"

#include <algorithm>

namespace gantry::engine {

bool HostLimits::all_enforced() const {
  return std::all_of(limits.begin(), limits.end(), [](const Limit& limit) { return limit.enforced; });
}

HostLimits host_limits() {
  const auto host = cgroups::detect_host();
  HostLimits found;
  found.mount = host.mount;
  found.reason = host.describe();
  for (const auto* controller : {"cpu", "memory", "pids", "io", "cpuset"}) {
    found.limits.push_back({controller, host.offers(controller)});
  }
  return found;
}

}  // namespace gantry::engine
