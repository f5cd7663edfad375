#include "runtime/event_records.h"

#include "runtime/event_shape.h"
#include "runtime/scheduling.h"

#include <limits>

namespace gantry::runtime {
namespace event_shape {
namespace {

constexpr uint64_t unlimited = std::numeric_limits<uint64_t>::max();

std::optional<Psi> psi_of(const std::optional<cgroups::Pressure>& pressure) {
  if (!pressure) return std::nullopt;
  return Psi{{pressure->some}, {pressure->full}};
}

Cpu cpu_of(const cgroups::Statistics& now) {
  Cpu cpu;
  cpu.usage = {now.cpu.usage_us * 1000, now.cpu.system_us * 1000, now.cpu.user_us * 1000};
  cpu.throttling = {now.cpu.periods, now.cpu.throttled_periods, now.cpu.throttled_us * 1000};
  cpu.psi = psi_of(now.cpu_pressure);
  return cpu;
}

// cgroup v1 counted memory and swap together, and clients still expect that of "swap".
Memory memory_of(const cgroups::Statistics& now) {
  Memory memory;
  memory.psi = psi_of(now.memory_pressure);
  if (!now.memory) return memory;
  const auto& from = *now.memory;
  const auto cache = from.detail.find("file");
  if (cache != from.detail.end()) memory.cache = cache->second;
  memory.usage = {from.maximum.value_or(unlimited), from.current, from.peak, 0};
  const bool both = from.maximum && from.swap_maximum;
  memory.swap = {both ? *from.maximum + *from.swap_maximum : unlimited, from.current + from.swap_current, 0,
                 0};
  memory.raw = from.detail;
  return memory;
}

BlockIo block_io_of(const cgroups::Statistics& now) {
  BlockIo io;
  io.psi = psi_of(now.io_pressure);
  for (const auto& device : now.io.value_or(std::vector<cgroups::IoStatistics>{})) {
    io.bytes.push_back({device.major, device.minor, "Read", device.read_bytes});
    io.bytes.push_back({device.major, device.minor, "Write", device.written_bytes});
    io.operations.push_back({device.major, device.minor, "Read", device.reads});
    io.operations.push_back({device.major, device.minor, "Write", device.writes});
  }
  return io;
}

std::vector<uint16_t> numbers_of(const std::string& list) {
  std::vector<uint16_t> numbers;
  const auto set = list.empty() ? Result<NumberSet>(NumberSet{}) : parse_number_list(list, {}, "");
  if (!set) return numbers;
  constexpr size_t word_bits = sizeof(unsigned long) * 8;
  for (size_t i = 0; i < set->size() * word_bits; ++i) {
    if (((*set)[i / word_bits] >> (i % word_bits) & 1) != 0) numbers.push_back(static_cast<uint16_t>(i));
  }
  return numbers;
}

// The line of one resource, "L3:0=7ff;1=7ff"; empty: there is none.
std::string schema_of(const std::vector<std::string>& schemata, const char* resource) {
  for (const auto& line : schemata) {
    if (line.rfind(resource, 0) == 0) return line;
  }
  return {};
}

IntelRdt intel_rdt_of(const RdtStatistics& now) {
  IntelRdt rdt;
  rdt.schemata = now.schemata;
  if (now.cache) {
    rdt.cache = CacheInfo{*now.cache};
    rdt.root_cache_schema = schema_of(now.root_schemata, "L3");
    rdt.cache_schema = schema_of(now.schemata, "L3");
  }
  if (now.bandwidth) {
    rdt.bandwidth = BandwidthInfo{*now.bandwidth};
    rdt.root_bandwidth_schema = schema_of(now.root_schemata, "MB");
    rdt.bandwidth_schema = schema_of(now.schemata, "MB");
  }
  if (!now.domains) return rdt;
  rdt.domain_bandwidths.emplace();
  rdt.domain_caches.emplace();
  for (const auto& domain : *now.domains) {
    if (domain.total_bytes || domain.local_bytes) {
      rdt.domain_bandwidths->push_back({domain.total_bytes.value_or(0), domain.local_bytes.value_or(0)});
    }
    if (domain.occupancy) rdt.domain_caches->push_back({*domain.occupancy});
  }
  return rdt;
}

std::vector<RdmaDevice> rdma_of(const std::vector<cgroups::RdmaEntry>& entries) {
  constexpr uint32_t without_limit = std::numeric_limits<uint32_t>::max();
  std::vector<RdmaDevice> devices;
  for (const auto& entry : entries) {
    devices.push_back(
        {entry.device, entry.hca_handles.value_or(without_limit), entry.hca_objects.value_or(without_limit)});
  }
  return devices;
}

Stats stats_of(const ContainerStatistics& all) {
  const auto& now = all.cgroup;
  Stats stats;
  stats.cpu = cpu_of(now);
  if (now.cpuset) stats.cpuset = {numbers_of(now.cpuset->cpus), numbers_of(now.cpuset->mems)};
  stats.memory = memory_of(now);
  if (now.pids) stats.pids = {now.pids->current, now.pids->maximum.value_or(0)};
  stats.block_io = block_io_of(now);
  for (const auto& [size, usage] : now.hugetlb) stats.hugetlb[size] = {usage.current, 0, usage.failures};
  if (all.rdt) stats.intel_rdt = intel_rdt_of(*all.rdt);
  for (const auto& interface : all.interfaces) stats.interfaces.push_back({interface});
  if (now.rdma) stats.rdma = Rdma{rdma_of(now.rdma->maximum), rdma_of(now.rdma->current)};
  for (const auto& [name, usage] : now.misc) stats.misc[name] = {usage.current, usage.failures};
  return stats;
}

}  // namespace
}  // namespace event_shape

std::string stats_record(const std::string& id, const ContainerStatistics& now) {
  return event_shape::to_json_text({"stats", id, event_shape::stats_of(now)});
}

std::string oom_record(const std::string& id) {
  return event_shape::to_json_text({"oom", id, std::nullopt});
}

}  // namespace gantry::runtime
