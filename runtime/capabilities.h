#pragma once

#include "base/result.h"
#include "oci/runtime_config.h"
#include "runtime/failure.h"
#include "runtime/procfs.h"

#include <cstdint>
#include <string>
#include <vector>

namespace gantry::runtime {

// The five sets as bit masks. Source: capabilities(7).
struct CapabilitySets {
  bool given = false;  // false: config.json has no capabilities, and all sets stay as they are
  uint64_t bounding = 0;
  uint64_t effective = 0;
  uint64_t inheritable = 0;
  uint64_t permitted = 0;
  uint64_t ambient = 0;
};

// Names that this kernel or our own permitted set doesn't have are left out and named in `warnings`.
// Source: runtime-spec config.md "capabilities".
CapabilitySets plan_capabilities(const std::optional<oci::Capabilities>& config, const OwnStatus& own,
                                 std::vector<std::string>& warnings);

// The names of those that the running kernel has.
std::vector<std::string> kernel_capabilities();

// The steps in their order around the change of user. `kept` are capabilities that stay in permitted and
// effective until the final call, for what must still be done.
Failure drop_bounding(const CapabilitySets& sets);
Failure set_capabilities(const CapabilitySets& sets, uint64_t kept);
Failure raise_ambient(const CapabilitySets& sets);

}  // namespace gantry::runtime
