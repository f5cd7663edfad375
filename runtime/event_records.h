#pragma once

#include "cgroups/statistics.h"
#include "runtime/intel_rdt_statistics.h"
#include "runtime/interface_statistics.h"

#include <optional>
#include <string>
#include <vector>

// The lines of `events`, which containerd and others read. Source: runc's types/events.go; cgroup v2's files
// are put into its older terms as runc does it. Times are in nanoseconds. Beyond runc's: rdma and misc.

namespace gantry::runtime {

struct ContainerStatistics {
  cgroups::Statistics cgroup;
  std::optional<RdtStatistics> rdt;  // absent: the container asks for no class
  std::vector<InterfaceStatistics> interfaces;
};

std::string stats_record(const std::string& id, const ContainerStatistics& now);
std::string oom_record(const std::string& id);

}  // namespace gantry::runtime
