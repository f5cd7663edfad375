#pragma once

#include "base/result.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace gantry::cgroups {

struct CpuStatistics {
  uint64_t usage_us = 0;  // always there, also without the cpu controller
  uint64_t user_us = 0;
  uint64_t system_us = 0;
  uint64_t periods = 0;  // these three need the cpu controller
  uint64_t throttled_periods = 0;
  uint64_t throttled_us = 0;
};

struct MemoryStatistics {
  uint64_t current = 0;             // bytes
  uint64_t peak = 0;                // bytes; 0 before Linux 5.19
  std::optional<uint64_t> maximum;  // bytes; absent: "max"
  uint64_t swap_current = 0;        // bytes
  std::optional<uint64_t> swap_maximum;
  uint64_t inactive_file = 0;              // bytes that docker subtracts from `current`
  std::map<std::string, uint64_t> detail;  // memory.stat as the kernel gives it
  uint64_t oom = 0;
  uint64_t oom_kill = 0;
};

struct PidsStatistics {
  uint64_t current = 0;
  std::optional<uint64_t> maximum;  // absent: "max"
};

struct IoStatistics {
  uint32_t major = 0;
  uint32_t minor = 0;
  uint64_t read_bytes = 0;
  uint64_t written_bytes = 0;
  uint64_t reads = 0;
  uint64_t writes = 0;
};

struct HugetlbStatistics {
  uint64_t current = 0;  // bytes
  uint64_t failures = 0;
};

// What it may use in fact, within its parents' sets: lists such as "0-3,7". cpuset(7)
struct CpusetStatistics {
  std::string cpus;
  std::string mems;
};

// One line of rdma.current or rdma.max.
struct RdmaEntry {
  std::string device;
  std::optional<uint32_t> hca_handles;  // absent: "max"
  std::optional<uint32_t> hca_objects;
};

struct RdmaStatistics {
  std::vector<RdmaEntry> current;
  std::vector<RdmaEntry> maximum;
};

struct MiscStatistics {
  uint64_t current = 0;
  uint64_t failures = 0;
};

// "some" or "full" of a pressure file: averages over 10, 60 and 300 s in percent, the total in µs.
// Documentation/accounting/psi.rst
struct PressureLine {
  double average_10 = 0;
  double average_60 = 0;
  double average_300 = 0;
  uint64_t total_us = 0;
};

struct Pressure {
  PressureLine some;
  PressureLine full;
};

// What a controller doesn't count on this host is absent, so that nobody takes it for zero.
struct Statistics {
  CpuStatistics cpu;
  std::optional<MemoryStatistics> memory;
  std::optional<PidsStatistics> pids;
  std::optional<std::vector<IoStatistics>> io;
  std::map<std::string, HugetlbStatistics> hugetlb;  // by page size: "2MB"
  std::optional<CpusetStatistics> cpuset;
  std::optional<RdmaStatistics> rdma;
  std::map<std::string, MiscStatistics> misc;  // by resource
  std::optional<Pressure> cpu_pressure;
  std::optional<Pressure> memory_pressure;
  std::optional<Pressure> io_pressure;
};

// `directory`: absolute path of the cgroup. Errors: not_found.
Result<Statistics> read_statistics(const std::string& directory);

// "key value" lines of a flat keyed file (cpu.stat, memory.events, …).
std::map<std::string, uint64_t> parse_flat_keyed(std::string_view text);
// io.stat: "8:0 rbytes=1 wbytes=2 rios=3 wios=4 …" lines.
std::vector<IoStatistics> parse_io_stat(std::string_view text);
// rdma.current or rdma.max: "mlx4_0 hca_handle=2 hca_object=max" lines.
std::vector<RdmaEntry> parse_rdma(std::string_view text);
// A pressure file.
Pressure parse_pressure(std::string_view text);

}  // namespace gantry::cgroups
