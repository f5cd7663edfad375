#include "cgroups/settings.h"

#include "base/text.h"
#include "cgroups/limits.h"
#include "tests/support/results.h"

namespace gantry::cgroups {
namespace {

using testing::HasSubstr;

// "FILE=VALUE" of each write, in order.
std::vector<std::string> writes(std::string_view json) {
  const auto resources = oci::parse_linux_resources(json, "test");
  if (!resources) return {resources.error().message()};
  const auto settings = settings_for(*resources);
  if (!settings) return {settings.error().message()};
  std::vector<std::string> lines;
  for (const auto& setting : *settings) lines.push_back(setting.file + "=" + setting.value);
  return lines;
}

TEST(Settings, FieldsBecomeWrites) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"cpu":{"shares":512,"quota":50000,"period":100000}})", "cpu.weight=59 cpu.max=50000 100000"},
      {R"({"cpu":{"idle":1,"shares":512}})", "cpu.idle=1"},
      {R"({"cpu":{"burst":1000,"quota":5000}})", "cpu.max.burst=1000 cpu.max=5000 100000"},
      {R"({"cpu":{"cpus":"0-1","mems":""}})", "cpuset.cpus=0-1 cpuset.mems="},
      {R"({"memory":{"limit":100,"swap":150,"reservation":50}})",
       "memory.swap.max=50 memory.max=100 memory.low=50"},
      {R"({"memory":{"limit":-1}})", "memory.swap.max=max memory.max=max"},
      {R"({"memory":{"kernel":-1,"kernelTCP":0,"disableOOMKiller":false,"useHierarchy":true}})", ""},
      {R"({"pids":{"limit":10}})", "pids.max=10"},
      {R"({"pids":{"limit":-1}})", "pids.max=max"},
      {R"({"pids":{"limit":0}})", "pids.max=1"},
      {R"({"blockIO":{"weight":100,"throttleReadBpsDevice":[{"major":8,"minor":0,"rate":1000}]}})",
       "io.weight=default 910 io.max=8:0 rbps=1000"},
      {R"({"hugepageLimits":[{"pageSize":"2MB","limit":4194304}]})",
       "hugetlb.2MB.max=4194304 hugetlb.2MB.rsvd.max=4194304"},
      {R"({"rdma":{"mlx5_1":{"hcaHandles":3,"hcaObjects":10}}})",
       "rdma.max=mlx5_1 hca_handle=3 hca_object=10"},
      {R"({"unified":{"memory.high":"1000"}})", "memory.high=1000"},
  };
  for (const auto& [json, expected] : cases) EXPECT_EQ(join(writes(json), " "), expected) << json;
}

TEST(Settings, BadValuesNameTheirPlace) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"cpu":{"quota":999}})", "$.linux.resources.cpu.quota: must be at least 1000, found 999"},
      {R"({"cpu":{"period":999}})", "$.linux.resources.cpu.period"},
      {R"({"cpu":{"idle":2}})", "$.linux.resources.cpu.idle: must be 0 or 1, found 2"},
      {R"({"memory":{"limit":-5}})", "$.linux.resources.memory.limit: must be -1 or at least 0, found -5"},
      {R"({"memory":{"limit":100,"swap":50}})", "$.linux.resources.memory.swap"},
      {R"({"blockIO":{"weight":5}})", "$.linux.resources.blockIO.weight: must be from 10 to 1000, found 5"},
      {R"({"hugepageLimits":[{"pageSize":"../2MB","limit":1}]})", "hugepageLimits[0].pageSize"},
      {R"({"unified":{"../memory.max":"1"}})", "CONTROLLER.NAME"},
  };
  for (const auto& [json, expected] : cases) EXPECT_THAT(writes(json)[0], HasSubstr(expected)) << json;
}

Result<LimitPlan> plan(std::string_view json, const HostSupport& host, Enforcement enforcement) {
  return plan_limits(TRY(oci::parse_linux_resources(json, "test")), host, enforcement);
}

const HostSupport poor_host{"/sys/fs/cgroup/unified", false, {"hugetlb"}};
const HostSupport rich_host{"/sys/fs/cgroup", true, {"cpu", "cpuset", "io", "memory", "pids"}};

TEST(Limits, MissingControllerIsRefusedByName) {
  EXPECT_ERROR(
      plan(R"({"memory":{"limit":1000}})", poor_host, Enforcement::required), ErrorKind::unsupported,
      testing::AllOf(HasSubstr("$.linux.resources.memory.limit"), HasSubstr("controller memory is missing"),
                     HasSubstr("/sys/fs/cgroup/unified offers hugetlb"), HasSubstr("best-effort")));
}

TEST(Limits, BestEffortListsWhatIsDropped) {
  const auto planned =
      plan(R"({"memory":{"limit":1000},"pids":{"limit":5}})", poor_host, Enforcement::best_effort);
  ASSERT_OK(planned);
  ASSERT_EQ(planned->dropped.size(), 2u);
  EXPECT_EQ(planned->dropped[0].json_path, "$.linux.resources.memory.limit");
  EXPECT_EQ(planned->dropped[1].controller, "pids");
  EXPECT_TRUE(planned->settings.empty());
}

TEST(Limits, NoLimitNeedsNoController) {
  const auto planned = plan(R"({"memory":{"limit":-1},"pids":{"limit":-1},"cpu":{"quota":-1}})", poor_host,
                            Enforcement::required);
  ASSERT_OK(planned);
  EXPECT_TRUE(planned->dropped.empty());
}

TEST(Limits, WhatCgroup2LacksIsRefused) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"blockIO":{"leafWeight":10}})", "blockIO.leafWeight"},
      {R"({"blockIO":{"weightDevice":[{"major":8,"minor":0,"leafWeight":10}]}})",
       "blockIO.weightDevice[0].leafWeight"},
      {R"({"memory":{"kernel":10}})", "memory.kernel "},
      {R"({"memory":{"kernelTCP":10}})", "memory.kernelTCP "},
      {R"({"memory":{"swappiness":10}})", "memory.swappiness"},
      {R"({"memory":{"disableOOMKiller":true}})", "memory.disableOOMKiller"},
      {R"({"memory":{"useHierarchy":false}})", "memory.useHierarchy"},
      {R"({"cpu":{"realtimeRuntime":10}})", "cpu.realtimeRuntime"},
      {R"({"cpu":{"realtimePeriod":10}})", "cpu.realtimePeriod"},
      {R"({"network":{"classID":10}})", "network.classID"},
      {R"({"network":{"priorities":[{"name":"eth0","priority":1}]}})", "network.priorities"},
  };
  for (const auto& [json, member] : cases) {
    EXPECT_ERROR(plan(json, rich_host, Enforcement::required), ErrorKind::unsupported,
                 HasSubstr(std::string("$.linux.resources.") + member));
    const auto without = plan(json, rich_host, Enforcement::best_effort);
    ASSERT_OK(without);
    EXPECT_EQ(without->dropped.size(), 1u) << "best-effort warns of " << member;
  }
}

TEST(Limits, OnlyNeededControllersAreEnabled) {
  const auto planned = plan(R"({"cpu":{"cpus":"0"},"pids":{"limit":5}})", rich_host, Enforcement::required);
  ASSERT_OK(planned);
  EXPECT_EQ(planned->controllers, (std::set<std::string>{"cpuset", "pids"}));
}

}  // namespace
}  // namespace gantry::cgroups
