#include "cgroups/conversion.h"

#include "base/format.h"

#include <cmath>

namespace gantry::cgroups {

uint64_t weight_from_shares(uint64_t shares) {
  if (shares == 0) return 0;
  if (shares <= 2) return 1;
  if (shares >= 262144) return 10000;
  const double l = std::log2(static_cast<double>(shares));
  const double exponent = (l * l + 125 * l) / 612.0 - 7.0 / 34.0;
  return static_cast<uint64_t>(std::ceil(std::pow(10, exponent)));
}

std::string cpu_max(std::optional<int64_t> quota, std::optional<uint64_t> period) {
  const uint64_t used_period = period.value_or(0) != 0 ? *period : 100000;
  if (quota.value_or(0) <= 0) return format("max {}", used_period);
  return format("{} {}", *quota, used_period);
}

uint64_t io_weight(uint16_t weight) {
  return 1 + (uint64_t{weight} - 10) * 9999 / 990;
}

std::string bytes_or_max(int64_t value) {
  return value == -1 ? "max" : format("{}", value);
}

Result<std::optional<std::string>> swap_max(std::optional<int64_t> limit, std::optional<int64_t> swap) {
  using Value = std::optional<std::string>;
  const int64_t memory = limit.value_or(0);
  const int64_t both = swap.value_or(0);
  if (both == 0) return Value(memory == -1 ? Value("max") : Value());
  if (both == -1) return Value("max");
  if (both < 0) return Error(ErrorKind::invalid, format("invalid memory+swap limit {}", both));
  if (memory == 0 || memory == -1) {
    return Error(ErrorKind::invalid, "unable to set swap limit without memory limit");
  }
  if (memory < -1) return Error(ErrorKind::invalid, format("invalid memory limit {}", memory));
  if (both < memory) return Error(ErrorKind::invalid, "memory+swap limit should be >= memory limit");
  return Value(format("{}", both - memory));
}

}  // namespace gantry::cgroups
