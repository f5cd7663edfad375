#include "base/text.h"
#include "cgroups/cgroup.h"
#include "engine/context.h"

#include <sstream>
#include <unistd.h>

namespace gantry::engine {

namespace {

// All CPUs' time of all states but guest (counted in user already). proc(5) /proc/stat.
Result<uint64_t> system_cpu_microseconds() {
  std::istringstream line(TRY(read_file("/proc/stat")));
  std::string label;
  line >> label;
  uint64_t ticks = 0;
  for (int i = 0; i < 8; ++i) {
    uint64_t value = 0;
    line >> value;
    ticks += value;
  }
  return ticks * 1'000'000 / static_cast<uint64_t>(sysconf(_SC_CLK_TCK));
}

uint64_t host_memory() {
  return static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

// /proc/PID/net/dev of the container's process: its own namespace, without the loopback.
void add_network(ContainerStats& stats, pid_t pid) {
  const auto text = read_file(format("/proc/{}/net/dev", pid));
  if (!text) return;
  for (const auto& line : split(*text, '\n')) {
    const size_t colon = line.find(':');
    if (colon == std::string::npos || trim(line.substr(0, colon)) == "lo") continue;
    std::istringstream fields(line.substr(colon + 1));
    uint64_t values[10] = {};
    for (auto& value : values) fields >> value;
    stats.network_receive_bytes += values[0];
    stats.network_receive_packets += values[1];
    stats.network_transmit_bytes += values[8];
    stats.network_transmit_packets += values[9];
  }
}

void add_memory(ContainerStats& stats, const cgroups::Statistics& counted) {
  stats.memory_limit = host_memory();
  if (!counted.memory) return;
  const auto& memory = *counted.memory;
  stats.memory_usage = memory.current - std::min(memory.current, memory.inactive_file);
  if (memory.maximum) stats.memory_limit = std::min(stats.memory_limit, *memory.maximum);
}

void add_counters(ContainerStats& stats, const cgroups::Statistics& counted) {
  stats.cpu_usage_microseconds = counted.cpu.usage_us;
  stats.cpu_throttled_periods = counted.cpu.throttled_periods;
  stats.cpu_throttled_microseconds = counted.cpu.throttled_us;
  add_memory(stats, counted);
  if (counted.pids) {
    stats.process_count = counted.pids->current;
    stats.process_limit = counted.pids->maximum;
  }
  if (!counted.io) return;
  for (const auto& device : *counted.io) {
    stats.block_read_bytes += device.read_bytes;
    stats.block_write_bytes += device.written_bytes;
  }
}

}  // namespace

Result<ContainerStats> Engine::stats(const std::string& reference) const {
  const std::string id = TRY(resolve_reference(*context_, reference));
  const auto info = TRY(read_info(*context_, id));
  if (info.state != ContainerState::running) {
    return Error::make(ErrorKind::conflict, "container {} is not running", reference);
  }
  const auto cgroup = TRY(cgroups::Cgroup::open(info.cgroup_path));
  ContainerStats stats;
  add_counters(stats, TRY(cgroup.statistics()));
  add_network(stats, info.pid);
  stats.system_cpu_microseconds = TRY(system_cpu_microseconds());
  stats.online_cpus = static_cast<unsigned>(sysconf(_SC_NPROCESSORS_ONLN));
  stats.read_at = SystemClock().now();
  return stats;
}

}  // namespace gantry::engine
