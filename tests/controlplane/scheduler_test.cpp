#include "controlplane/scheduler.h"

#include "tests/support/results.h"

#include <ctime>
#include <iostream>

namespace gantry::controlplane {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

HostSnapshot host(const std::string& arn, int64_t cpu, int64_t memory, const std::string& zone = "a") {
  HostSnapshot host;
  host.arn = arn;
  host.cpu_total = host.cpu_remaining = cpu;
  host.memory_total = host.memory_remaining = memory;
  host.attributes["ecs.availability-zone"] = zone;
  return host;
}

TaskRequest request(int count, int64_t cpu, int64_t memory) {
  TaskRequest request;
  request.count = count;
  request.cpu = cpu;
  request.memory = memory;
  request.group = "service:web";
  return request;
}

std::map<std::string, int> per_host(const Placements& placements) {
  std::map<std::string, int> counts;
  for (const auto& arn : placements.hosts) ++counts[arn];
  return counts;
}

TEST(Scheduler, FillsHostsToTheirCpuAndMemory) {
  Scheduler scheduler({host("h1", 1024, 1000), host("h2", 2048, 300)});
  const auto placements = scheduler.place(request(10, 256, 100));
  EXPECT_EQ(per_host(placements)["h1"], 4);  // CPU
  EXPECT_EQ(per_host(placements)["h2"], 3);  // memory
  EXPECT_EQ(placements.unplaced, 3);
  ASSERT_THAT(placements.failures, SizeIs(2));
  EXPECT_EQ(refusal_text(placements.failures[0].refusal), "RESOURCE:CPU");
  EXPECT_EQ(refusal_text(placements.failures[1].refusal), "RESOURCE:MEMORY");
  ASSERT_TRUE(placements.closest);
  EXPECT_EQ(placements.closest->arn, "h2");
}

TEST(Scheduler, NoHostsNoClosestMatch) {
  Scheduler scheduler({});
  const auto placements = scheduler.place(request(2, 1, 1));
  EXPECT_EQ(placements.unplaced, 2);
  EXPECT_THAT(placements.failures, IsEmpty());
  EXPECT_FALSE(placements.closest);
}

TEST(Scheduler, StaticPortsAreTakenOnce) {
  auto ask = request(3, 1, 1);
  ask.tcp_ports = {8080};
  auto used = host("h2", 100, 100);
  used.tcp_used = {8080};
  Scheduler scheduler({host("h1", 100, 100), used});
  const auto placements = scheduler.place(ask);
  EXPECT_THAT(placements.hosts, ElementsAre("h1"));
  EXPECT_EQ(refusal_text(placements.closest->refusal), "RESOURCE:PORTS");
  auto udp = request(1, 1, 1);
  udp.udp_ports = {8080};
  EXPECT_THAT(scheduler.place(udp).hosts, SizeIs(1)) << "UDP port 8080 isn't TCP port 8080";
}

struct RefusalCase {
  std::string name;
  std::function<void(HostSnapshot&, TaskRequest&)> change;
  std::string reason;
};

TEST(Scheduler, NamesWhyAHostIsNoCandidate) {
  const RefusalCase cases[] = {
      {"draining", [](auto& host, auto&) { host.active = false; }, "INACTIVE"},
      {"agent gone", [](auto& host, auto&) { host.connected = false; }, "AGENT"},
      {"attribute",
       [](auto&, auto& ask) {
         ask.required_attributes = {{"gpu", "", "", ""}};
       },
       "ATTRIBUTE"},
      {"external", [](auto&, auto& ask) { ask.launch_type = api::LaunchType::external; }, "ATTRIBUTE"},
      {"member of",
       [](auto&, auto& ask) {
         ask.constraints = {{"memberOf", "attribute:ecs.availability-zone == b"}};
       },
       "MemberOf placement constraint unsatisfied."},
      {"unparsable",
       [](auto&, auto& ask) {
         ask.constraints = {{"memberOf", "attribute:"}};
       },
       "MemberOf placement constraint unsatisfied."},
      {"udp port",
       [](auto& host, auto& ask) {
         host.udp_used = {53};
         ask.udp_ports = {53};
       },
       "RESOURCE:PORTS_UDP"}};
  for (const auto& each : cases) {
    auto one = host("h1", 100, 100);
    auto ask = request(1, 1, 1);
    each.change(one, ask);
    const auto refusal = refusal_of(one, ask);
    ASSERT_TRUE(refusal) << each.name;
    EXPECT_EQ(refusal_text(*refusal), each.reason) << each.name;
  }
}

TEST(Scheduler, AttributeValueMustMatchWhenGiven) {
  auto ask = request(1, 1, 1);
  ask.required_attributes = {{"ecs.cpu-architecture", "arm64", "", ""}};
  auto one = host("h1", 100, 100);
  one.attributes["ecs.cpu-architecture"] = "x86_64";
  EXPECT_EQ(refusal_of(one, ask), Refusal::attribute);
  one.attributes["ecs.cpu-architecture"] = "arm64";
  EXPECT_EQ(refusal_of(one, ask), std::nullopt);
}

TEST(Scheduler, ServicesSpreadOverZonesThenHosts) {
  Scheduler scheduler(
      {host("h1", 10000, 10000, "a"), host("h2", 10000, 10000, "a"), host("h3", 10000, 10000, "b")});
  auto ask = request(8, 1, 1);
  ask.strategies = default_service_strategies();
  auto counts = per_host(scheduler.place(ask));
  EXPECT_EQ(counts["h3"], 4);
  EXPECT_EQ(counts["h1"], 2);
  EXPECT_EQ(counts["h2"], 2);
}

TEST(Scheduler, SpreadCountsTasksThatAreThereAlready) {
  auto busy = host("h1", 100, 100, "a");
  busy.tasks_by_group["service:web"] = 3;
  busy.connected = false;  // no candidate, but its tasks count for zone a
  Scheduler scheduler({busy, host("h2", 100, 100, "a"), host("h3", 100, 100, "b")});
  auto ask = request(3, 1, 1);
  ask.strategies = default_service_strategies();
  EXPECT_THAT(scheduler.place(ask).hosts, ElementsAre("h3", "h3", "h3"));
}

TEST(Scheduler, BinpackFillsTheFullestHostFirst) {
  Scheduler scheduler({host("h1", 1000, 800), host("h2", 1000, 300), host("h3", 1000, 500)});
  auto ask = request(5, 10, 100);
  ask.strategies = {{"binpack", "memory"}};
  EXPECT_THAT(scheduler.place(ask).hosts, ElementsAre("h2", "h2", "h2", "h3", "h3"));
}

TEST(Scheduler, LaterStrategiesNarrowTies) {
  Scheduler scheduler({host("h1", 1000, 800, "a"), host("h2", 1000, 300, "a"), host("h3", 1000, 500, "b"),
                       host("h4", 1000, 900, "b")});
  auto ask = request(4, 10, 100);
  ask.strategies = {{"spread", "attribute:ecs.availability-zone"}, {"binpack", "memory"}};
  EXPECT_THAT(scheduler.place(ask).hosts, ElementsAre("h2", "h3", "h2", "h3"));
}

TEST(Scheduler, DistinctInstanceNeverDoubles) {
  Scheduler scheduler({host("h1", 1000, 1000), host("h2", 1000, 1000)});
  auto ask = request(3, 1, 1);
  ask.constraints = {{"distinctInstance", ""}};
  const auto placements = scheduler.place(ask);
  EXPECT_EQ(placements.unplaced, 1);
  EXPECT_THAT(per_host(placements), SizeIs(2));
  EXPECT_EQ(placements.closest->refusal, Refusal::distinct_instance);
}

TEST(Scheduler, ExpressionsOnTasksSeeWhatWasJustPlaced) {
  Scheduler scheduler({host("h1", 1000, 1000), host("h2", 1000, 1000)});
  auto ask = request(10, 1, 1);
  ask.constraints = {{"memberOf", "runningTasksCount < 3"}};
  EXPECT_THAT(scheduler.place(ask).hosts, SizeIs(6));
}

TEST(Scheduler, RandomIsTheSameForTheSameSeedOnly) {
  const auto place = [](uint64_t seed) {
    std::vector<HostSnapshot> hosts;
    for (int i = 0; i < 20; ++i) hosts.push_back(host(format("h{:02}", i), 1000, 1000));
    return Scheduler(hosts, seed).place(request(30, 1, 1)).hosts;
  };
  EXPECT_EQ(place(1), place(1));
  EXPECT_NE(place(1), place(2));
}

TEST(Scheduler, OnlyHostIsTheOnlyCandidate) {
  Scheduler scheduler({host("h1", 1000, 1000), host("h2", 10, 1000)});
  auto ask = request(1, 100, 1);
  ask.only_host = "h2";
  const auto placements = scheduler.place(ask);
  EXPECT_THAT(placements.hosts, IsEmpty());
  ASSERT_THAT(placements.failures, SizeIs(1));
  EXPECT_EQ(placements.failures[0].arn, "h2");
}

// No host is overcommitted and no port is given twice, whatever comes.
TEST(Scheduler, NeverOvercommits) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    std::vector<HostSnapshot> hosts;
    for (int i = 0; i < 30; ++i) {
      hosts.push_back(host(format("h{:02}", i), 256 * (i % 7), 100 * (i % 5), i % 3 == 0 ? "a" : "b"));
    }
    Scheduler scheduler(hosts, seed);
    for (int round = 0; round < 20; ++round) {
      auto ask = request(static_cast<int>((seed + round) % 9), 64 + round * 16, 20 + round);
      if (round % 4 == 0) ask.tcp_ports = {80};
      if (round % 3 == 0) ask.strategies = default_service_strategies();
      if (round % 3 == 1) ask.strategies = {{"binpack", "cpu"}};
      scheduler.place(ask);
    }
    for (const auto& each : scheduler.hosts()) {
      EXPECT_GE(each.cpu_remaining, 0) << each.arn;
      EXPECT_GE(each.memory_remaining, 0) << each.arn;
    }
  }
}

TEST(Scheduler, TenThousandHostsAreQuick) {
  std::vector<HostSnapshot> hosts;
  for (int i = 0; i < 10000; ++i) {
    hosts.push_back(host(format("h{:05}", i), 4096, 8192, format("zone-{}", i % 6)));
    hosts.back().attributes["ecs.instance-type"] = i % 2 == 0 ? "t3.large" : "m5.large";
  }
  Scheduler scheduler(hosts, 7);
  auto ask = request(2000, 256, 256);
  ask.strategies = default_service_strategies();
  ask.constraints = {{"memberOf", "attribute:ecs.instance-type =~ t3.*"}};
  const std::clock_t start = std::clock();  // of this process: others may be busy
  const auto placements = scheduler.place(ask);
  const double took = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  EXPECT_THAT(placements.hosts, SizeIs(2000));
  const double rate = 2000 / took;
  RecordProperty("decisions_per_second", static_cast<int>(rate));
  std::cout << "decisions per second with 10000 hosts: " << static_cast<int>(rate) << "\n";
  EXPECT_GT(rate, 300) << "far below what an unoptimized build does";
}

TEST(CheckPlacement, RefusesWhatTheApiRefuses) {
  EXPECT_OK(check_placement({{"distinctInstance", ""}, {"memberOf", "attribute:a exists"}},
                            {{"spread", "instanceId"}, {"binpack", "MEMORY"}, {"random", ""}}));
  EXPECT_ERROR(check_placement({{"near", ""}}, {}), ErrorKind::invalid, ::testing::HasSubstr("near"));
  EXPECT_ERROR(check_placement({{"memberOf", "attribute:a =="}}, {}), ErrorKind::invalid,
               ::testing::HasSubstr("Invalid expression"));
  EXPECT_ERROR(check_placement({}, {{"binpack", "disk"}}), ErrorKind::invalid, ::testing::HasSubstr("disk"));
  EXPECT_ERROR(check_placement({}, {{"spread", ""}}), ErrorKind::invalid, ::testing::HasSubstr("spread"));
  EXPECT_ERROR(check_placement({}, {{"scatter", ""}}), ErrorKind::invalid, ::testing::HasSubstr("scatter"));
}

}  // namespace
}  // namespace gantry::controlplane
