#pragma once

#include "base/fd.h"
#include "oci/runtime_config.h"
#include "runtime/failure.h"

#include <string>
#include <vector>

namespace gantry::runtime {

struct SysctlPlan {
  std::string key;   // as in the config
  std::string path;  // below procfs: "sys/net/ipv4/ip_forward"
  std::string value;
};

// Only what belongs to a namespace of the container's own is allowed. Errors: runc's texts.
Result<std::vector<SysctlPlan>> plan_sysctls(const oci::Linux& config);
// Through a trusted procfs, beneath it, no links.
Failure write_sysctls(const std::vector<SysctlPlan>& plans, BorrowedFd procfs);

}  // namespace gantry::runtime
