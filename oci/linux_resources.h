#pragma once

#include "base/result.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// linux.resources of config.json, also the document of `update --resources`. An absent optional leaves the
// kernel's file untouched. Source: runtime-spec 1.3 config-linux.md "Control groups".

namespace gantry::oci {

// One rule of the device allow list; later rules win.
struct DeviceRule {
  bool allow = false;
  std::string type;              // "a", "b", "c"; empty: a
  std::optional<int64_t> major;  // absent: all
  std::optional<int64_t> minor;
  std::string access;  // of "rwm"; empty: all
};

struct MemoryResources {
  std::optional<int64_t> limit;        // bytes; -1: unlimited
  std::optional<int64_t> reservation;  // bytes
  std::optional<int64_t> swap;         // bytes of memory and swap together; -1: unlimited
  std::optional<int64_t> kernel;       // no such file in cgroup v2 or newer kernels
  std::optional<int64_t> kernel_tcp;   // nor of this one
  std::optional<uint64_t> swappiness;
  std::optional<bool> disable_oom_killer;
  std::optional<bool> use_hierarchy;
  std::optional<bool> check_before_update;
};

struct CpuResources {
  std::optional<uint64_t> shares;
  std::optional<int64_t> quota;    // microseconds a period; <= 0: unlimited
  std::optional<uint64_t> burst;   // microseconds
  std::optional<uint64_t> period;  // microseconds
  std::optional<int64_t> realtime_runtime;
  std::optional<uint64_t> realtime_period;
  std::optional<std::string> cpus;  // list format; an empty string resets
  std::optional<std::string> mems;
  std::optional<int64_t> idle;
};

struct PidsResources {
  std::optional<int64_t> limit;  // negative: unlimited; 0 is a limit of its own since spec 1.3
};

struct WeightDevice {
  int64_t major = 0;
  int64_t minor = 0;
  std::optional<uint16_t> weight;
  std::optional<uint16_t> leaf_weight;
};

struct ThrottleDevice {
  int64_t major = 0;
  int64_t minor = 0;
  uint64_t rate = 0;  // bytes or operations a second
};

struct BlockIoResources {
  std::optional<uint16_t> weight;  // 10 to 1000
  std::optional<uint16_t> leaf_weight;
  std::vector<WeightDevice> weight_device;
  std::vector<ThrottleDevice> throttle_read_bps;
  std::vector<ThrottleDevice> throttle_write_bps;
  std::vector<ThrottleDevice> throttle_read_iops;
  std::vector<ThrottleDevice> throttle_write_iops;
};

struct HugepageLimit {
  std::string page_size;  // "2MB", "1GB"
  uint64_t limit = 0;     // bytes
};

struct InterfacePriority {
  std::string name;
  uint32_t priority = 0;
};

struct NetworkResources {
  std::optional<uint32_t> class_id;
  std::vector<InterfacePriority> priorities;
};

struct RdmaLimit {
  std::optional<uint32_t> hca_handles;
  std::optional<uint32_t> hca_objects;
};

struct LinuxResources {
  std::vector<DeviceRule> devices;
  std::optional<MemoryResources> memory;
  std::optional<CpuResources> cpu;
  std::optional<PidsResources> pids;
  std::optional<BlockIoResources> block_io;
  std::vector<HugepageLimit> hugepage_limits;
  std::optional<NetworkResources> network;
  std::map<std::string, RdmaLimit> rdma;       // by device name
  std::map<std::string, std::string> unified;  // cgroup v2 file name to its text, written last
};

// Errors: invalid, naming `source`, the JSON path, what was found and what was expected.
Result<LinuxResources> parse_linux_resources(std::string_view text, std::string_view source);
std::string to_json_text(const LinuxResources& resources);

}  // namespace gantry::oci
