#pragma once

#include "base/result.h"

#include <cstdint>
#include <optional>
#include <string>

// The arithmetic between the runtime spec's fields, which keep cgroup v1's units, and the files of cgroup v2.
// Pure functions. Sources: runc's and crun's conversions as of 2026, kernel cgroup-v2.rst.
namespace gantry::cgroups {

// cpu.shares 2…262144 to cpu.weight 1…10000 by ceil(10^((l² + 125 l) / 612 − 7/34)), l = log2(shares): 1024
// gives 100. 0 means unset and gives 0.
uint64_t weight_from_shares(uint64_t shares);

// "QUOTA PERIOD" for cpu.max, in µs; "max PERIOD" when the quota is absent or ≤ 0. The default period is
// 100000.
std::string cpu_max(std::optional<int64_t> quota, std::optional<uint64_t> period);

// blockIO.weight 10…1000 to io.weight 1…10000: 1 + (weight − 10) · 9999 / 990.
uint64_t io_weight(uint16_t weight);

// A limit in bytes, or "max" for −1.
std::string bytes_or_max(int64_t value);

// memory.swap.max from the spec's memory.swap, which is memory + swap. Absent when nothing is to be written.
// Errors: invalid, with runc's texts.
Result<std::optional<std::string>> swap_max(std::optional<int64_t> limit, std::optional<int64_t> swap);

}  // namespace gantry::cgroups
