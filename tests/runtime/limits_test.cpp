#include "base/text.h"
#include "tests/runtime/container_fixture.h"

#include <algorithm>

// Needs a host that enforces cgroup v2 limits.

namespace gantry::runtime {
namespace {

using testing::HasSubstr;

TEST_F(Containers, MemoryLimitKillsWhoPassesIt) {
  const auto result =
      run_shell("tail /dev/zero; echo status $?; cat /sys/fs/cgroup/memory.events", [](auto& config) {
        config.linux_->resources.memory = oci::MemoryResources{};
        config.linux_->resources.memory->limit = 32 << 20;
        config.linux_->resources.memory->swap = 32 << 20;
      });
  EXPECT_THAT(result.output, HasSubstr("status 137")) << result.errors;
  EXPECT_THAT(result.output, HasSubstr("oom_kill 1"));
}

TEST_F(Containers, InitThatPassesItsMemoryLimitEndsWith137) {
  const auto result = run({"tail", "/dev/zero"}, [](auto& config) {
    config.linux_->resources.memory = oci::MemoryResources{};
    config.linux_->resources.memory->limit = 32 << 20;
    config.linux_->resources.memory->swap = 32 << 20;
  });
  EXPECT_EQ(result.status, 137) << result.errors;
}

TEST_F(Containers, PidsLimitRefusesForks) {
  const auto result = run_shell("for i in 1 2 3 4 5 6 7 8 9; do sleep 5 & done; wait",
                                [](auto& config) { config.linux_->resources.pids = oci::PidsResources{5}; });
  EXPECT_THAT(result.errors, HasSubstr("can't fork"));
}

TEST_F(Containers, LimitsAreInTheKernelsFilesAndUpdateChangesThem) {
  configure({"sleep", "1000"}, [](auto& config) {
    config.linux_->resources.cpu = oci::CpuResources{};
    config.linux_->resources.cpu->quota = 20000;
    config.linux_->resources.cpu->period = 100000;
    config.linux_->resources.cpu->shares = 1024;
  });
  const auto created = create(test_id);
  ASSERT_EQ(created.status, 0) << created.errors;
  EXPECT_EQ(read_file(cgroup_directory(test_id) + "/cpu.max").value_or(""), "20000 100000\n");
  EXPECT_EQ(read_file(cgroup_directory(test_id) + "/cpu.weight").value_or(""), "100\n");
  ASSERT_OK(write_file(file("resources"), R"({"memory":{"limit":67108864},"pids":{"limit":7}})", 0600));
  const auto updated = runtime({"update", "--resources", file("resources"), test_id});
  EXPECT_EQ(updated.status, 0) << updated.errors;
  EXPECT_EQ(read_file(cgroup_directory(test_id) + "/memory.max").value_or(""), "67108864\n");
  EXPECT_EQ(read_file(cgroup_directory(test_id) + "/pids.max").value_or(""), "7\n");
}

TEST_F(Containers, UpdateTakesEachLimitAsAFlag) {
  configure({"sleep", "1000"});
  ASSERT_EQ(create(test_id).status, 0);
  const auto folder = cgroup_directory(test_id);
  const auto update = [&](std::vector<std::string> flags) {
    flags.insert(flags.begin(), "update");
    flags.push_back(test_id);
    const auto updated = runtime(flags);
    EXPECT_EQ(updated.status, 0) << updated.errors;
  };
  const auto kernel = [&](const std::string& name) {
    return std::string(trim(read_file(folder + "/" + name).value_or("")));
  };
  update({"--memory", "64m", "--memory-reservation=16m", "--memory-swap", "96m", "--pids-limit", "9",
          "--cpu-quota", "30000", "--cpu-share", "512", "--cpuset-cpus", "0", "--blkio-weight", "500"});
  EXPECT_EQ(kernel("memory.max"), "67108864");
  EXPECT_EQ(kernel("memory.low"), "16777216");
  EXPECT_EQ(kernel("memory.swap.max"), "33554432");
  EXPECT_EQ(kernel("pids.max"), "9");
  EXPECT_EQ(kernel("cpu.max"), "30000 100000");
  EXPECT_EQ(kernel("cpu.weight"), "59");
  EXPECT_EQ(kernel("cpuset.cpus"), "0");
  update({"--cpu-period", "50000"});
  EXPECT_EQ(kernel("cpu.max"), "30000 50000") << "the quota stays";
  update({"--cpu-quota", "20000", "--cpu-burst", "10000"});
  EXPECT_EQ(kernel("cpu.max"), "20000 50000") << "the period stays";
  EXPECT_EQ(kernel("cpu.max.burst"), "10000");
  update({"--memory-swap", "128m"});
  EXPECT_EQ(kernel("memory.swap.max"), "67108864") << "both less the memory limit that is there";
  update({"--cpu-idle", "1"});
  EXPECT_EQ(kernel("cpu.idle"), "1");
  update({"--memory", "-1", "--pids-limit", "-1", "--cpu-quota", "-1"});
  EXPECT_EQ(kernel("memory.max"), "max");
  EXPECT_EQ(kernel("pids.max"), "max");
  EXPECT_EQ(kernel("cpu.max"), "max 50000");
}

TEST_F(Containers, EventsHaveStatisticsAndTellOfOutOfMemory) {
  configure({"sh", "-c", "sleep 2; tail /dev/zero; sleep 2"}, [](auto& config) {
    config.linux_->resources.memory = oci::MemoryResources{};
    config.linux_->resources.memory->limit = 32 << 20;
    config.linux_->resources.memory->swap = 32 << 20;
    config.linux_->resources.pids = oci::PidsResources{7};
    config.linux_->resources.hugepage_limits = {{"2MB", 4 << 20}};
  });
  ASSERT_EQ(create(test_id).status, 0);
  ASSERT_EQ(runtime({"start", test_id}).status, 0);
  const auto once = runtime({"events", "--stats", test_id});
  EXPECT_EQ(once.status, 0) << once.errors;
  EXPECT_THAT(once.output, HasSubstr(R"({"type":"stats","id":")" + std::string(test_id) +
                                     R"(","data":{"cpu":{"usage":{"total":)"));
  EXPECT_THAT(once.output, HasSubstr(R"("limit":33554432)"));
  EXPECT_THAT(once.output, HasSubstr(R"("limit":7})"));
  EXPECT_THAT(once.output, HasSubstr(R"("cpuset":{"cpus":[0,)"));
  EXPECT_THAT(once.output, HasSubstr(R"("network_interfaces":[{"Name":"lo","RxBytes":0)"));
  EXPECT_THAT(once.output, HasSubstr(R"("hugetlb":{"2MB":{"usage":0)"));
  const auto followed = runtime({"events", "--interval", "1h", test_id});
  EXPECT_EQ(followed.status, 0) << followed.errors;
  EXPECT_THAT(followed.output, HasSubstr(R"({"type":"oom","id":")" + std::string(test_id) + R"("})"));
  EXPECT_EQ(std::count(followed.output.begin(), followed.output.end(), '\n'), 2) << followed.output;
}

}  // namespace
}  // namespace gantry::runtime
