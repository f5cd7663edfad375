#include "tests/runtime/container_fixture.h"

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

}  // namespace
}  // namespace gantry::runtime
