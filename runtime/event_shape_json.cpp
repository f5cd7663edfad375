#include "base/json.h"
#include "runtime/event_shape.h"

namespace gantry::runtime::event_shape {

template <class Visitor>
void members(Visitor& visit, PressureLine& line) {
  visit("avg10", line.value.average_10);
  visit("avg60", line.value.average_60);
  visit("avg300", line.value.average_300);
  visit("total", line.value.total_us);
}

template <class Visitor>
void members(Visitor& visit, Psi& psi) {
  visit("some", psi.some);
  visit("full", psi.full);
}

template <class Visitor>
void members(Visitor& visit, CpuUsage& usage) {
  visit.required("total", usage.total);
  visit.required("kernel", usage.kernel);
  visit.required("user", usage.user);
}

template <class Visitor>
void members(Visitor& visit, Throttling& throttling) {
  visit("periods", throttling.periods);
  visit("throttledPeriods", throttling.throttled_periods);
  visit("throttledTime", throttling.throttled_time);
}

template <class Visitor>
void members(Visitor& visit, Cpu& cpu) {
  visit("usage", cpu.usage);
  visit("throttling", cpu.throttling);
  visit("psi", cpu.psi);
}

template <class Visitor>
void members(Visitor& visit, MemoryEntry& entry) {
  visit.required("limit", entry.limit);
  visit("usage", entry.usage);
  visit("max", entry.max);
  visit.required("failcnt", entry.failures);
}

template <class Visitor>
void members(Visitor& visit, Memory& memory) {
  visit("cache", memory.cache);
  visit("usage", memory.usage);
  visit("swap", memory.swap);
  visit("kernel", memory.kernel);
  visit("kernelTCP", memory.kernel_tcp);
  visit("raw", memory.raw);
  visit("psi", memory.psi);
}

template <class Visitor>
void members(Visitor& visit, Pids& pids) {
  visit("current", pids.current);
  visit("limit", pids.limit);
}

template <class Visitor>
void members(Visitor& visit, IoEntry& entry) {
  visit.required("major", entry.major);
  visit.required("minor", entry.minor);
  visit("op", entry.op);
  visit.required("value", entry.value);
}

template <class Visitor>
void members(Visitor& visit, BlockIo& io) {
  visit("ioServiceBytesRecursive", io.bytes);
  visit("ioServicedRecursive", io.operations);
  visit("psi", io.psi);
}

template <class Visitor>
void members(Visitor& visit, Hugetlb& hugetlb) {
  visit("usage", hugetlb.usage);
  visit("max", hugetlb.max);
  visit.required("failcnt", hugetlb.failures);
}

template <class Visitor>
void members(Visitor& visit, Cpuset& cpuset) {
  uint64_t none = 0;
  visit("cpus", cpuset.cpus);
  visit("cpu_exclusive", none);
  visit("mems", cpuset.mems);
  for (const char* flag :
       {"mem_hardwall", "mem_exclusive", "memory_migrate", "memory_spread_page", "memory_spread_slab",
        "memory_pressure", "sched_load_balance", "sched_relax_domain_level"}) {
    visit(flag, none);
  }
}

template <class Visitor>
void members(Visitor& visit, CacheInfo& info) {
  visit("cbm_mask", info.value.mask);
  visit("min_cbm_bits", info.value.least_bits);
  visit("num_closids", info.value.classes);
}

template <class Visitor>
void members(Visitor& visit, BandwidthInfo& info) {
  visit("bandwidth_gran", info.value.granularity);
  visit("delay_linear", info.value.linear_delay);
  visit("min_bandwidth", info.value.least);
  visit("num_closids", info.value.classes);
}

template <class Visitor>
void members(Visitor& visit, DomainBandwidth& domain) {
  visit("mbm_total_bytes", domain.total);
  visit("mbm_local_bytes", domain.local);
}

template <class Visitor>
void members(Visitor& visit, DomainCache& domain) {
  visit("llc_occupancy", domain.occupancy);
}

template <class Visitor>
void members(Visitor& visit, IntelRdt& rdt) {
  visit("l3_cache_info", rdt.cache);
  visit("l3_cache_schema_root", rdt.root_cache_schema);
  visit("l3_cache_schema", rdt.cache_schema);
  visit("mem_bw_info", rdt.bandwidth);
  visit("mem_bw_schema_root", rdt.root_bandwidth_schema);
  visit("mem_bw_schema", rdt.bandwidth_schema);
  visit("schemata", rdt.schemata);
  visit("mbm_stats", rdt.domain_bandwidths);
  visit("cmt_stats", rdt.domain_caches);
}

template <class Visitor>
void members(Visitor& visit, Interface& interface) {
  visit("Name", interface.value.name);
  visit("RxBytes", interface.value.received_bytes);
  visit("RxPackets", interface.value.received_packets);
  visit("RxErrors", interface.value.receive_errors);
  visit("RxDropped", interface.value.receive_drops);
  visit("TxBytes", interface.value.sent_bytes);
  visit("TxPackets", interface.value.sent_packets);
  visit("TxErrors", interface.value.send_errors);
  visit("TxDropped", interface.value.send_drops);
}

template <class Visitor>
void members(Visitor& visit, RdmaDevice& entry) {
  visit("device", entry.device);
  visit("hca_handles", entry.hca_handles);
  visit("hca_objects", entry.hca_objects);
}

template <class Visitor>
void members(Visitor& visit, Rdma& rdma) {
  visit("rdma_limit", rdma.limit);
  visit("rdma_current", rdma.current);
}

template <class Visitor>
void members(Visitor& visit, Misc& misc) {
  visit("usage", misc.usage);
  visit("events", misc.events);
}

template <class Visitor>
void members(Visitor& visit, Stats& stats) {
  visit("cpu", stats.cpu);
  visit("cpuset", stats.cpuset);
  visit("memory", stats.memory);
  visit("pids", stats.pids);
  visit("blkio", stats.block_io);
  visit.always("hugetlb", stats.hugetlb);
  visit("intel_rdt", stats.intel_rdt);
  visit.always("network_interfaces", stats.interfaces);
  visit("rdma", stats.rdma);
  visit("misc", stats.misc);
}

template <class Visitor>
void members(Visitor& visit, Event& event) {
  visit("type", event.type);
  visit("id", event.id);
  visit("data", event.data);
}

std::string to_json_text(Event event) {
  return to_json(event);
}

}  // namespace gantry::runtime::event_shape
