#include "cgroups/settings.h"

#include "base/text.h"
#include "cgroups/conversion.h"

#include <algorithm>

namespace gantry::cgroups {

namespace {

constexpr std::string_view source = "linux.resources";

using Settings = std::vector<Setting>;

std::string at(std::string_view field) {
  return format("$.linux.resources.{}", field);
}

Setting limit(std::string file, std::string value, std::string_view field) {
  auto controller = file.substr(0, file.find('.'));
  // Without the controller nothing limits, which is what "max" asks for.
  const bool fine = value == "max" || value.rfind("max ", 0) == 0;
  return {std::move(file), std::move(value), std::move(controller), at(field), fine, false, {}, {}};
}

Setting unsupported(std::string_view field) {
  return {{}, {}, {}, at(field), false, false, {}, {}};
}

Result<void> check_bytes(std::optional<int64_t> value, std::string_view field) {
  if (value && *value < -1) {
    return Error::invalid(source, at(field), "must be -1 or at least 0, found {}", *value);
  }
  return {};
}

Result<void> add_memory(const oci::MemoryResources& memory, Settings& settings) {
  TRY(check_bytes(memory.limit, "memory.limit"));
  TRY(check_bytes(memory.reservation, "memory.reservation"));
  auto swap = swap_max(memory.limit, memory.swap);
  if (!swap) return std::move(swap).error().context("{}", at("memory.swap"));
  if (*swap) {
    settings.push_back(limit("memory.swap.max", **swap, "memory.swap"));
    settings.back().missing_is_fine = **swap == "0" || **swap == "max";  // a kernel without swap accounting
  }
  if (memory.limit.value_or(0) != 0) {
    settings.push_back(limit("memory.max", bytes_or_max(*memory.limit), "memory.limit"));
  }
  if (memory.reservation.value_or(0) != 0) {
    settings.push_back(limit("memory.low", bytes_or_max(*memory.reservation), "memory.reservation"));
  }
  if (memory.kernel.value_or(-1) > 0) settings.push_back(unsupported("memory.kernel"));
  if (memory.kernel_tcp.value_or(-1) > 0) settings.push_back(unsupported("memory.kernelTCP"));
  if (memory.swappiness) settings.push_back(unsupported("memory.swappiness"));
  if (memory.disable_oom_killer.value_or(false)) settings.push_back(unsupported("memory.disableOOMKiller"));
  if (!memory.use_hierarchy.value_or(true)) settings.push_back(unsupported("memory.useHierarchy"));
  return {};
}

Result<void> check_cpu(const oci::CpuResources& cpu) {
  constexpr int64_t least_us =
      1000;  // the kernel's own bound for quota and period; the period also has a most
  constexpr uint64_t most_us = 1'000'000;
  if (cpu.quota && *cpu.quota > 0 && *cpu.quota < least_us) {
    return Error::invalid(source, at("cpu.quota"), "must be at least {}, found {}", least_us, *cpu.quota);
  }
  if (cpu.period.value_or(0) != 0 && (*cpu.period < least_us || *cpu.period > most_us)) {
    return Error::invalid(source, at("cpu.period"), "must be from {} to {}, found {}", least_us, most_us,
                          *cpu.period);
  }
  if (cpu.idle && *cpu.idle != 0 && *cpu.idle != 1) {
    return Error::invalid(source, at("cpu.idle"), "must be 0 or 1, found {}", *cpu.idle);
  }
  return {};
}

// An empty list resets to the parent's, by writing an empty line.
void add_cpuset(std::string file, const std::string& list, std::string_view field, Settings& settings) {
  settings.push_back(limit(std::move(file), list, field));
  settings.back().missing_is_fine = list.empty();
}

Result<void> add_cpu(const oci::CpuResources& cpu, Settings& settings) {
  TRY(check_cpu(cpu));
  if (cpu.idle) {
    settings.push_back(limit("cpu.idle", format("{}", *cpu.idle), "cpu.idle"));
    settings.back().missing_is_fine = *cpu.idle == 0;
  }
  const auto weight = weight_from_shares(cpu.shares.value_or(0));
  if (weight != 0 && cpu.idle.value_or(0) == 0) {  // the kernel refuses a weight for an idle group
    settings.push_back(limit("cpu.weight", format("{}", weight), "cpu.shares"));
  }
  if (cpu.burst) {
    settings.push_back(limit("cpu.max.burst", format("{}", *cpu.burst), "cpu.burst"));
    settings.back().missing_is_fine = *cpu.burst == 0;
    settings.back().again_at_the_end = true;  // may not exceed the quota, old or new
  }
  if (cpu.quota.value_or(0) != 0 || cpu.period.value_or(0) != 0) {
    settings.push_back(limit("cpu.max", cpu_max(cpu.quota, cpu.period), "cpu.quota"));
  }
  if (cpu.realtime_runtime.value_or(0) != 0) settings.push_back(unsupported("cpu.realtimeRuntime"));
  if (cpu.realtime_period.value_or(0) != 0) settings.push_back(unsupported("cpu.realtimePeriod"));
  if (cpu.cpus) add_cpuset("cpuset.cpus", *cpu.cpus, "cpu.cpus", settings);
  if (cpu.mems) add_cpuset("cpuset.mems", *cpu.mems, "cpu.mems", settings);
  return {};
}

// 0 is a limit of its own since spec 1.3; runc writes 1 for it, which is the same to a container's own forks.
void add_pids(const oci::PidsResources& pids, Settings& settings) {
  if (!pids.limit) return;
  const auto value = *pids.limit < 0 ? std::string("max") : format("{}", std::max<int64_t>(*pids.limit, 1));
  settings.push_back(limit("pids.max", value, "pids.limit"));
}

Result<void> check_weight(uint16_t weight, const std::string& field) {
  if (weight >= 10 && weight <= 1000) return {};
  return Error::invalid(source, at(field), "must be from 10 to 1000, found {}", weight);
}

void add_throttle(const std::vector<oci::ThrottleDevice>& devices, std::string_view key,
                  std::string_view field, Settings& settings) {
  for (size_t i = 0; i < devices.size(); ++i) {
    const auto& device = devices[i];
    const auto rate = device.rate == 0 ? std::string("max") : format("{}", device.rate);
    settings.push_back(limit("io.max", format("{}:{} {}={}", device.major, device.minor, key, rate),
                             format("blockIO.{}[{}].rate", field, i)));
  }
}

Result<void> add_block_io(const oci::BlockIoResources& io, Settings& settings) {
  if (io.weight.value_or(0) != 0) {
    TRY(check_weight(*io.weight, "blockIO.weight"));
    settings.push_back(limit("io.weight", format("default {}", io_weight(*io.weight)), "blockIO.weight"));
    settings.back().preferred_file = "io.bfq.weight";
    settings.back().preferred_value = format("{}", *io.weight);
  }
  if (io.leaf_weight.value_or(0) != 0) settings.push_back(unsupported("blockIO.leafWeight"));
  for (size_t i = 0; i < io.weight_device.size(); ++i) {
    const auto& device = io.weight_device[i];
    if (device.leaf_weight.value_or(0) != 0) {
      settings.push_back(unsupported(format("blockIO.weightDevice[{}].leafWeight", i)));
    }
    if (device.weight.value_or(0) == 0) continue;
    const auto field = format("blockIO.weightDevice[{}].weight", i);
    TRY(check_weight(*device.weight, field));
    settings.push_back(
        limit("io.bfq.weight", format("{}:{} {}", device.major, device.minor, *device.weight), field));
  }
  add_throttle(io.throttle_read_bps, "rbps", "throttleReadBpsDevice", settings);
  add_throttle(io.throttle_write_bps, "wbps", "throttleWriteBpsDevice", settings);
  add_throttle(io.throttle_read_iops, "riops", "throttleReadIOPSDevice", settings);
  add_throttle(io.throttle_write_iops, "wiops", "throttleWriteIOPSDevice", settings);
  return {};
}

bool is_page_size(std::string_view text) {
  const auto digits = text.find_first_not_of("0123456789");
  if (digits == 0 || digits == std::string_view::npos) return false;
  const auto unit = text.substr(digits);
  return unit == "KB" || unit == "MB" || unit == "GB";
}

Result<void> add_hugepages(const std::vector<oci::HugepageLimit>& limits, Settings& settings) {
  for (size_t i = 0; i < limits.size(); ++i) {
    const auto& [size, bytes] = limits[i];
    const auto field = format("hugepageLimits[{}]", i);
    if (!is_page_size(size)) {
      return Error::invalid(source, at(field + ".pageSize"),
                            "must be a number and KB, MB or GB, found \"{}\"", size);
    }
    settings.push_back(limit(format("hugetlb.{}.max", size), format("{}", bytes), field + ".limit"));
    settings.push_back(limit(format("hugetlb.{}.rsvd.max", size), format("{}", bytes), field + ".limit"));
    settings.back().missing_is_fine = true;  // before Linux 5.7
  }
  return {};
}

void add_rdma(const std::map<std::string, oci::RdmaLimit>& limits, Settings& settings) {
  for (const auto& [device, amounts] : limits) {
    std::string value = device;
    if (amounts.hca_handles) value += format(" hca_handle={}", *amounts.hca_handles);
    if (amounts.hca_objects) value += format(" hca_object={}", *amounts.hca_objects);
    settings.push_back(limit("rdma.max", value, "rdma." + device));
  }
}

void add_network(const oci::NetworkResources& network, Settings& settings) {
  if (network.class_id.value_or(0) != 0) settings.push_back(unsupported("network.classID"));
  if (!network.priorities.empty()) settings.push_back(unsupported("network.priorities"));
}

Result<void> add_unified(const std::map<std::string, std::string>& unified, Settings& settings) {
  for (const auto& [file, value] : unified) {
    const auto dot = file.find('.');
    if (file.find('/') != std::string::npos || dot == std::string::npos || dot == 0 ||
        dot + 1 == file.size()) {
      return Error::invalid(source, at("unified"), "a name must have the form CONTROLLER.NAME, found \"{}\"",
                            file);
    }
    auto controller = file.substr(0, dot);
    if (controller == "cgroup") controller.clear();
    settings.push_back({file,
                        value,
                        std::move(controller),
                        format("{}[\"{}\"]", at("unified"), file),
                        false,
                        false,
                        {},
                        {}});
  }
  return {};
}

}  // namespace

Result<Settings> settings_for(const oci::LinuxResources& resources) {
  Settings settings;
  if (resources.memory) TRY(add_memory(*resources.memory, settings));
  if (resources.cpu) TRY(add_cpu(*resources.cpu, settings));
  if (resources.pids) add_pids(*resources.pids, settings);
  if (resources.block_io) TRY(add_block_io(*resources.block_io, settings));
  TRY(add_hugepages(resources.hugepage_limits, settings));
  add_rdma(resources.rdma, settings);
  if (resources.network) add_network(*resources.network, settings);
  TRY(add_unified(resources.unified, settings));
  return settings;
}

}  // namespace gantry::cgroups
