#pragma once

#include "runtime/intel_rdt.h"

#include <optional>
#include <vector>

namespace gantry::runtime {

// As info/L3 and info/MB say it. Source: kernel Documentation/arch/x86/resctrl.rst "Info directory".
struct RdtCacheInfo {
  std::string mask;
  uint64_t least_bits = 0;
  uint64_t classes = 0;
};

struct RdtBandwidthInfo {
  uint64_t granularity = 0;
  uint64_t linear_delay = 0;
  uint64_t least = 0;
  uint64_t classes = 0;
};

// Of one L3 domain; what the machine doesn't count is absent.
struct RdtDomain {
  std::optional<uint64_t> total_bytes;
  std::optional<uint64_t> local_bytes;
  std::optional<uint64_t> occupancy;
};

struct RdtStatistics {
  std::optional<RdtCacheInfo> cache;
  std::optional<RdtBandwidthInfo> bandwidth;
  std::vector<std::string> root_schemata;
  std::vector<std::string> schemata;  // of the container's class
  std::optional<std::vector<RdtDomain>> domains;
};

// `groups` is existing_rdt_groups'. Errors: not_found.
Result<RdtStatistics> read_rdt_statistics(const RdtPlan& groups);

}  // namespace gantry::runtime
