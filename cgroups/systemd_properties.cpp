#include "cgroups/systemd_properties.h"

#include "base/text.h"
#include "cgroups/conversion.h"

#include <algorithm>

namespace gantry::cgroups {
namespace {

// The first versions of systemd that know a property.
constexpr unsigned knows_quota_period = 242;
constexpr unsigned knows_cpusets = 244;
constexpr unsigned knows_idle_weight = 252;
constexpr unsigned knows_scope_oom_policy = 253;

constexpr uint64_t unlimited = UINT64_MAX;
constexpr uint64_t default_period_us = 100'000;
constexpr uint64_t second_us = 1'000'000;
constexpr uint64_t quota_step_us = 10'000;  // one percent of a CPU
constexpr uint32_t most_cpus = 8192;

std::string field_path(std::string_view field) {
  return format("$.linux.resources.{}", field);
}

uint64_t bytes_or_unlimited(int64_t value) {
  return value < 0 ? unlimited : static_cast<uint64_t>(value);
}

Result<void> add_memory_limits(const oci::MemoryResources& memory, UnitProperties& properties) {
  if (memory.limit.value_or(0) != 0) properties.push_back({"MemoryMax", bytes_or_unlimited(*memory.limit)});
  if (memory.reservation.value_or(0) != 0) {
    properties.push_back({"MemoryLow", bytes_or_unlimited(*memory.reservation)});
  }
  auto swap = swap_max(memory.limit, memory.swap);
  if (!swap) return std::move(swap).error().context("{}", field_path("memory.swap"));
  if (!*swap) return {};
  const uint64_t most = **swap == "max" ? unlimited : TRY(parse_unsigned("memory.swap", **swap));
  properties.push_back({"MemorySwapMax", most});
  return {};
}

// TRY has a statement of its own: where it returns from within a braced list, what the list holds by then
// leaks.
Result<void> add_cpu_mask(const char* property, std::string_view field, std::string_view list,
                          UnitProperties& properties) {
  auto mask = TRY(cpu_mask(field, list));
  properties.push_back({property, std::move(mask)});
  return {};
}

uint64_t quota_per_second(int64_t quota, uint64_t period) {
  if (quota <= 0) return unlimited;
  const uint64_t exact = static_cast<uint64_t>(quota) * second_us / period;
  return (exact + quota_step_us - 1) / quota_step_us * quota_step_us;
}

void add_quota(int64_t quota, uint64_t period, unsigned version, UnitProperties& properties) {
  if (period != 0 && version >= knows_quota_period) properties.push_back({"CPUQuotaPeriodUSec", period});
  if (quota == 0 && period == 0) return;
  properties.push_back(
      {"CPUQuotaPerSecUSec", quota_per_second(quota, period != 0 ? period : default_period_us)});
}

Result<void> add_cpu_limits(const oci::CpuResources& cpu, unsigned version, UnitProperties& properties) {
  const bool idle = cpu.idle.value_or(0) == 1 && version >= knows_idle_weight;
  const uint64_t weight = weight_from_shares(cpu.shares.value_or(0));
  if (idle || weight != 0) properties.push_back({"CPUWeight", idle ? uint64_t{0} : weight});
  add_quota(cpu.quota.value_or(0), cpu.period.value_or(0), version, properties);
  if (version < knows_cpusets) return {};
  if (cpu.cpus) TRY(add_cpu_mask("AllowedCPUs", field_path("cpu.cpus"), *cpu.cpus, properties));
  if (cpu.mems) {
    TRY(add_cpu_mask("AllowedMemoryNodes", field_path("cpu.mems"), *cpu.mems, properties));
  }
  return {};
}

Result<uint64_t> number_or_max(const std::string& path, std::string_view text) {
  return text == "max" ? unlimited : TRY(parse_unsigned(path, text));
}

// "QUOTA [PERIOD]" of cpu.max.
Result<void> add_unified_quota(const std::string& path, std::string_view text, unsigned version,
                               UnitProperties& properties) {
  const auto words = split(text, ' ');
  if (words.size() > 2) return Error::invalid(path, text, "must be a quota and a period");
  const uint64_t period =
      words.size() == 2 ? TRY(parse_unsigned(path, words[1], INT64_MAX)) : default_period_us;
  if (period == 0) return Error::invalid(path, text, "the period must not be 0");
  const int64_t quota = words[0] == "max" ? 0 : TRY(parse_integer(path, words[0], 0, INT64_MAX));
  add_quota(quota, period, version, properties);
  return {};
}

struct UnifiedName {
  std::string_view file;
  std::string_view property;
};

constexpr UnifiedName unified_amounts[] = {
    {"memory.high", "MemoryHigh"},
    {"memory.low", "MemoryLow"},
    {"memory.min", "MemoryMin"},
    {"memory.max", "MemoryMax"},
    {"memory.swap.max", "MemorySwapMax"},
    {"memory.zswap.max", "MemoryZSwapMax"},
    {"pids.max", "TasksMax"},
};
constexpr unsigned knows_zswap = 253;

// Files that systemd has no property for are written by us alone.
Result<void> add_unified_entry(const std::string& file, std::string_view text, unsigned version,
                               UnitProperties& properties) {
  const std::string path = format("{}[\"{}\"]", field_path("unified"), file);
  for (const auto& [name, property] : unified_amounts) {
    if (file != name || (file == "memory.zswap.max" && version < knows_zswap)) continue;
    const uint64_t amount = TRY(number_or_max(path, text));
    properties.push_back({std::string(property), file == "pids.max" && amount == 0 ? 1 : amount});
  }
  if (file == "cpu.weight") {
    const uint64_t weight = TRY(parse_unsigned(path, text));
    properties.push_back({"CPUWeight", weight});
  }
  if (file == "cpu.idle" && text == "1" && version >= knows_idle_weight) {
    properties.push_back({"CPUWeight", uint64_t{0}});
  }
  if (file == "cpu.max") return add_unified_quota(path, text, version, properties);
  if (version < knows_cpusets) return {};
  if (file == "cpuset.cpus") TRY(add_cpu_mask("AllowedCPUs", path, text, properties));
  if (file == "cpuset.mems") TRY(add_cpu_mask("AllowedMemoryNodes", path, text, properties));
  return {};
}

Result<void> check_slice(const std::string& slice) {
  constexpr std::string_view ending = ".slice";
  const auto broken = [&] {
    return Error::make(ErrorKind::invalid, "cgroupsPath: invalid slice name: \"{}\"", slice);
  };
  if (slice == "-.slice") return {};
  if (slice.size() <= ending.size() || !slice.ends_with(ending) || slice.find('/') != std::string::npos) {
    return broken();
  }
  for (const auto& part : split(slice.substr(0, slice.size() - ending.size()), '-')) {
    if (part.empty()) return broken();
  }
  return {};
}

}  // namespace

Result<UnitPlace> parse_unit_place(const std::string& cgroups_path, const std::string& id,
                                   bool user_manager) {
  const std::string standard = user_manager ? "user.slice" : "system.slice";
  if (cgroups_path.empty()) return UnitPlace{standard, "gantry-oci-" + id + ".scope"};
  const auto parts = split(cgroups_path, ':');
  if (parts.size() != 3 || parts[2].empty()) {
    return Error::make(ErrorKind::invalid,
                       "expected cgroupsPath to be of format \"slice:prefix:name\" for systemd cgroups, got "
                       "\"{}\" instead",
                       cgroups_path);
  }
  UnitPlace place{parts[0].empty() ? standard : parts[0], {}};
  TRY(check_slice(place.slice));
  if (parts[2].ends_with(".slice")) {
    return Error::make(ErrorKind::unsupported,
                       "cgroupsPath \"{}\": a container's processes can't live in a slice", cgroups_path);
  }
  place.unit = (parts[1].empty() ? parts[2] : parts[1] + "-" + parts[2]) + ".scope";
  if (place.unit.find('/') == std::string::npos && place.unit.size() <= 255) return place;
  return Error::make(ErrorKind::invalid, "cgroupsPath: invalid unit name: \"{}\"", place.unit);
}

Result<UnitProperties> resource_properties(const oci::LinuxResources& resources, unsigned version,
                                           const std::string& device_groups) {
  UnitProperties properties;
  if (!device_groups.empty()) properties = device_properties(resources.devices, device_groups);
  if (resources.memory) TRY(add_memory_limits(*resources.memory, properties));
  if (resources.cpu) TRY(add_cpu_limits(*resources.cpu, version, properties));
  if (resources.pids && resources.pids->limit) {
    const int64_t limit = *resources.pids->limit;
    properties.push_back({"TasksMax", limit < 0 ? unlimited : std::max<uint64_t>(1, limit)});
  }
  if (resources.block_io && resources.block_io->weight.value_or(0) != 0) {
    properties.push_back({"IOWeight", io_weight(*resources.block_io->weight)});
  }
  for (const auto& [file, text] : resources.unified) {
    TRY(add_unified_entry(file, trim(text), version, properties));
  }
  return properties;
}

Result<UnitProperties> oom_properties(const oci::LinuxResources& resources, unsigned version) {
  const auto found = resources.unified.find("memory.oom.group");
  if (found == resources.unified.end() || version < knows_scope_oom_policy) return UnitProperties();
  const auto text = trim(found->second);
  if (text != "0" && text != "1") return UnitProperties();
  return UnitProperties{{"OOMPolicy", std::string(text == "1" ? "kill" : "continue")}};
}

oci::LinuxResources with_rounded_quota(oci::LinuxResources resources) {
  if (!resources.cpu || resources.cpu->quota.value_or(0) <= 0) return resources;
  const uint64_t period = resources.cpu->period.value_or(0) != 0 ? *resources.cpu->period : default_period_us;
  const uint64_t rounded = quota_per_second(*resources.cpu->quota, period) * period / second_us;
  resources.cpu->quota = static_cast<int64_t>(rounded);
  return resources;
}

Result<std::vector<uint8_t>> cpu_mask(std::string_view field, std::string_view list) {
  std::vector<uint8_t> mask;
  for (const auto& part : split(list, ',')) {
    const auto range = trim(part);
    if (range.empty()) continue;
    const auto dash = range.find('-');
    const auto first = TRY(parse_unsigned(field, range.substr(0, dash), most_cpus - 1));
    const auto last = dash == std::string_view::npos
                          ? first
                          : TRY(parse_unsigned(field, range.substr(dash + 1), most_cpus - 1));
    if (last < first) {
      return Error::make(ErrorKind::invalid, "{}: the range \"{}\" runs backwards", field, range);
    }
    if (mask.size() <= last / 8) mask.resize(last / 8 + 1);
    for (uint64_t cpu = first; cpu <= last; ++cpu) mask[cpu / 8] |= static_cast<uint8_t>(1U << (cpu % 8));
  }
  return mask;
}

unsigned parse_systemd_version(std::string_view text) {
  if (!text.empty() && text[0] == 'v') text.remove_prefix(1);
  const auto end = text.find_first_not_of("0123456789");
  return static_cast<unsigned>(parse_unsigned("version", text.substr(0, end), 100'000).value_or(0));
}

}  // namespace gantry::cgroups
