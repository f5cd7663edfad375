#pragma once

#include "base/json.h"
#include "oci/linux_resources.h"

// The members tables of linux_resources.h, for the _json.cpp files of this module only.

namespace gantry::oci {

template <class Visitor>
void members(Visitor& visit, DeviceRule& rule) {
  visit.required("allow", rule.allow);
  visit("type", rule.type);
  visit("major", rule.major);
  visit("minor", rule.minor);
  visit("access", rule.access);
}

template <class Visitor>
void members(Visitor& visit, MemoryResources& memory) {
  visit("limit", memory.limit);
  visit("reservation", memory.reservation);
  visit("swap", memory.swap);
  visit("kernel", memory.kernel);
  visit("kernelTCP", memory.kernel_tcp);
  visit("swappiness", memory.swappiness);
  visit("disableOOMKiller", memory.disable_oom_killer);
  visit("useHierarchy", memory.use_hierarchy);
  visit("checkBeforeUpdate", memory.check_before_update);
}

template <class Visitor>
void members(Visitor& visit, CpuResources& cpu) {
  visit("shares", cpu.shares);
  visit("quota", cpu.quota);
  visit("burst", cpu.burst);
  visit("period", cpu.period);
  visit("realtimeRuntime", cpu.realtime_runtime);
  visit("realtimePeriod", cpu.realtime_period);
  visit("cpus", cpu.cpus);
  visit("mems", cpu.mems);
  visit("idle", cpu.idle);
}

template <class Visitor>
void members(Visitor& visit, PidsResources& pids) {
  visit("limit", pids.limit);
}

template <class Visitor>
void members(Visitor& visit, WeightDevice& device) {
  visit.required("major", device.major);
  visit.required("minor", device.minor);
  visit("weight", device.weight);
  visit("leafWeight", device.leaf_weight);
}

template <class Visitor>
void members(Visitor& visit, ThrottleDevice& device) {
  visit.required("major", device.major);
  visit.required("minor", device.minor);
  visit.required("rate", device.rate);
}

template <class Visitor>
void members(Visitor& visit, BlockIoResources& io) {
  visit("weight", io.weight);
  visit("leafWeight", io.leaf_weight);
  visit("weightDevice", io.weight_device);
  visit("throttleReadBpsDevice", io.throttle_read_bps);
  visit("throttleWriteBpsDevice", io.throttle_write_bps);
  visit("throttleReadIOPSDevice", io.throttle_read_iops);
  visit("throttleWriteIOPSDevice", io.throttle_write_iops);
}

template <class Visitor>
void members(Visitor& visit, HugepageLimit& limit) {
  visit.required("pageSize", limit.page_size);
  visit.required("limit", limit.limit);
}

template <class Visitor>
void members(Visitor& visit, InterfacePriority& priority) {
  visit.required("name", priority.name);
  visit.required("priority", priority.priority);
}

template <class Visitor>
void members(Visitor& visit, NetworkResources& network) {
  visit("classID", network.class_id);
  visit("priorities", network.priorities);
}

template <class Visitor>
void members(Visitor& visit, RdmaLimit& limit) {
  visit("hcaHandles", limit.hca_handles);
  visit("hcaObjects", limit.hca_objects);
}

template <class Visitor>
void members(Visitor& visit, LinuxResources& resources) {
  visit("devices", resources.devices);
  visit("memory", resources.memory);
  visit("cpu", resources.cpu);
  visit("pids", resources.pids);
  visit("blockIO", resources.block_io);
  visit("hugepageLimits", resources.hugepage_limits);
  visit("network", resources.network);
  visit("rdma", resources.rdma);
  visit("unified", resources.unified);
}

}  // namespace gantry::oci
