#include "base/files.h"
#include "runtime/event_records.h"
#include "tests/support/results.h"

namespace gantry::runtime {
namespace {

using testing::HasSubstr;

TEST(Events, ARecordHasAllOfRuncsMembers) {
  ContainerStatistics now;
  now.cgroup.cpu = {5, 3, 2, 7, 1, 4};
  now.cgroup.cpuset = cgroups::CpusetStatistics{"0-1,3", "0"};
  now.cgroup.memory.emplace();
  now.cgroup.memory->current = 100;
  now.cgroup.memory->peak = 200;
  now.cgroup.memory->maximum = 300;
  now.cgroup.memory->swap_current = 10;
  now.cgroup.memory->swap_maximum = 50;
  now.cgroup.memory->detail = {{"anon", 1}, {"file", 2}};
  now.cgroup.pids = cgroups::PidsStatistics{4, 9};
  now.cgroup.io = {{8, 0, 1, 2, 3, 4}};
  now.cgroup.hugetlb["2MB"] = {4096, 1};
  now.cgroup.rdma = cgroups::RdmaStatistics{{{"mlx5_0", 1, 2}}, {{"mlx5_0", 3, std::nullopt}}};
  now.cgroup.misc["sev"] = {1, 2};
  now.cgroup.memory_pressure = cgroups::Pressure{{0.5, 0, 0, 6}, {}};
  now.interfaces = {{"eth0", 1, 2, 3, 4, 5, 6, 7, 8}};
  EXPECT_EQ(
      stats_record("c1", now),
      R"({"type":"stats","id":"c1","data":{"cpu":{"usage":{"total":5000,"kernel":2000,"user":3000},)"
      R"("throttling":{"periods":7,"throttledPeriods":1,"throttledTime":4000}},)"
      R"("cpuset":{"cpus":[0,1,3],"cpu_exclusive":0,"mems":[0],"mem_hardwall":0,"mem_exclusive":0,)"
      R"("memory_migrate":0,"memory_spread_page":0,"memory_spread_slab":0,"memory_pressure":0,)"
      R"("sched_load_balance":0,"sched_relax_domain_level":0},)"
      R"("memory":{"cache":2,"usage":{"limit":300,"usage":100,"max":200,"failcnt":0},)"
      R"("swap":{"limit":350,"usage":110,"max":0,"failcnt":0},)"
      R"("kernel":{"limit":0,"usage":0,"max":0,"failcnt":0},"kernelTCP":{"limit":0,"usage":0,"max":0,"failcnt":0},)"
      R"("raw":{"anon":1,"file":2},"psi":{"some":{"avg10":0.5,"avg60":0.0,"avg300":0.0,"total":6},)"
      R"("full":{"avg10":0.0,"avg60":0.0,"avg300":0.0,"total":0}}},"pids":{"current":4,"limit":9},)"
      R"("blkio":{"ioServiceBytesRecursive":[{"major":8,"minor":0,"op":"Read","value":1},)"
      R"({"major":8,"minor":0,"op":"Write","value":2}],)"
      R"("ioServicedRecursive":[{"major":8,"minor":0,"op":"Read","value":3},)"
      R"({"major":8,"minor":0,"op":"Write","value":4}]},)"
      R"("hugetlb":{"2MB":{"usage":4096,"max":0,"failcnt":1}},"intel_rdt":{},)"
      R"("network_interfaces":[{"Name":"eth0","RxBytes":1,"RxPackets":2,"RxErrors":3,"RxDropped":4,)"
      R"("TxBytes":5,"TxPackets":6,"TxErrors":7,"TxDropped":8}],)"
      R"("rdma":{"rdma_limit":[{"device":"mlx5_0","hca_handles":3,"hca_objects":4294967295}],)"
      R"("rdma_current":[{"device":"mlx5_0","hca_handles":1,"hca_objects":2}]},)"
      R"("misc":{"sev":{"usage":1,"events":2}}}})");
}

TEST(Events, WhatTheHostDoesntCountIsEmptyAndOomIsOneLine) {
  const auto record = stats_record("c1", {});
  EXPECT_THAT(record, HasSubstr(R"("hugetlb":{},"intel_rdt":{},"network_interfaces":[])"));
  EXPECT_EQ(oom_record("c1"), R"({"type":"oom","id":"c1"})");
}

TEST(Events, InterfacesAreThoseOfProcNetDev) {
  const auto interfaces = parse_interfaces(
      "Inter-|   Receive                                                |  Transmit\n"
      " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo\n"
      "    lo:       0       0    0    0    0     0          0         0        0       0    0    0    0     "
      "0       0          0\n"
      "eth0:1:    1296      16    1    2    0     0          0         0      726       9    3    4    0     "
      "0       0          0\n");
  ASSERT_EQ(interfaces.size(), 2u);
  EXPECT_EQ(interfaces[0].name, "lo");
  EXPECT_EQ(interfaces[1].name, "eth0:1");
  EXPECT_EQ(interfaces[1].received_bytes, 1296u);
  EXPECT_EQ(interfaces[1].receive_drops, 2u);
  EXPECT_EQ(interfaces[1].sent_bytes, 726u);
  EXPECT_EQ(interfaces[1].send_errors, 3u);
}

}  // namespace
}  // namespace gantry::runtime
