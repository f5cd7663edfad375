#pragma once

#include "cgroups/statistics.h"
#include "runtime/intel_rdt_statistics.h"
#include "runtime/interface_statistics.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

// A line of `events` as its readers expect it. Source: runc's types/events.go, names and nesting.

namespace gantry::runtime::event_shape {

struct PressureLine {
  cgroups::PressureLine value;
};

struct Psi {
  PressureLine some, full;
};

struct CpuUsage {
  uint64_t total = 0, kernel = 0, user = 0;
};

struct Throttling {
  uint64_t periods = 0, throttled_periods = 0, throttled_time = 0;
};

struct Cpu {
  CpuUsage usage;
  Throttling throttling;
  std::optional<Psi> psi;
};

struct MemoryEntry {
  uint64_t limit = 0, usage = 0, max = 0, failures = 0;
};

struct Memory {
  uint64_t cache = 0;
  MemoryEntry usage, swap, kernel, kernel_tcp;
  std::map<std::string, uint64_t> raw;
  std::optional<Psi> psi;
};

struct Pids {
  uint64_t current = 0, limit = 0;
};

struct IoEntry {
  uint32_t major = 0, minor = 0;
  std::string op;
  uint64_t value = 0;
};

struct BlockIo {
  std::vector<IoEntry> bytes, operations;
  std::optional<Psi> psi;
};

struct Hugetlb {
  uint64_t usage = 0, max = 0, failures = 0;
};

// cgroup v2 has none of v1's flags, which stay 0 as in runc.
struct Cpuset {
  std::vector<uint16_t> cpus, mems;
};

struct CacheInfo {
  RdtCacheInfo value;
};

struct BandwidthInfo {
  RdtBandwidthInfo value;
};

struct DomainBandwidth {
  uint64_t total = 0, local = 0;
};

struct DomainCache {
  uint64_t occupancy = 0;
};

struct IntelRdt {
  std::optional<CacheInfo> cache;
  std::optional<BandwidthInfo> bandwidth;
  std::string root_cache_schema, cache_schema, root_bandwidth_schema, bandwidth_schema;
  std::vector<std::string> schemata;
  std::optional<std::vector<DomainBandwidth>> domain_bandwidths;
  std::optional<std::vector<DomainCache>> domain_caches;
};

struct Interface {
  InterfaceStatistics value;
};

struct RdmaDevice {
  std::string device;
  uint32_t hca_handles = 0, hca_objects = 0;
};

struct Rdma {
  std::vector<RdmaDevice> limit, current;
};

struct Misc {
  uint64_t usage = 0, events = 0;
};

struct Stats {
  Cpu cpu;
  Cpuset cpuset;
  Memory memory;
  Pids pids;
  BlockIo block_io;
  std::map<std::string, Hugetlb> hugetlb;
  IntelRdt intel_rdt;
  std::vector<Interface> interfaces;
  std::optional<Rdma> rdma;
  std::map<std::string, Misc> misc;
};

struct Event {
  std::string type, id;
  std::optional<Stats> data;
};

std::string to_json_text(Event event);

}  // namespace gantry::runtime::event_shape
