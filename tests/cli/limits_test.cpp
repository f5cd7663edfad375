#include "base/text.h"
#include "tests/cli/gantry_runner.h"
#include "tests/support/results.h"
#include "tests/support/wait.h"

// Limits as the kernel has them and as they act. Needs a host that enforces cgroup v2 limits.

namespace gantry {
namespace {

using testing::HasSubstr;

class LimitsTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!test::can_run_containers()) GTEST_SKIP() << "needs root and a static busybox";
    ASSERT_TRUE(test::host_enforces_memory()) << "this suite is for hosts that enforce limits";
    ASSERT_OK(test::isolate());
    auto made = test::Sandbox::make();
    ASSERT_OK(made);
    sandbox_ = std::make_unique<test::Sandbox>(std::move(made).value());
    const auto imported = gantry({"import", sandbox_->busybox(), "busybox:1"});
    ASSERT_EQ(imported.status, 0) << imported.errors;
  }
  void TearDown() override {
    if (!sandbox_) return;
    for (const auto& id : split(gantry({"ps", "-aq"}).output, '\n')) {
      if (!id.empty()) gantry({"rm", "-f", id});
    }
  }
  CommandResult gantry(std::vector<std::string> words) {
    return test::GantryRunner(*sandbox_).run(std::move(words));
  }
  std::string field(const std::string& name, const std::string& path) {
    return std::string(trim(gantry({"inspect", "-f", "{{" + path + "}}", name}).output));
  }
  // A file of the container's cgroup.
  std::string kernel_value(const std::string& name, const std::string& file) {
    const std::string path = "/sys/fs/cgroup" + field(name, ".CgroupPath") + "/" + file;
    return std::string(trim(read_file(path).value_or("no " + path)));
  }

  std::unique_ptr<test::Sandbox> sandbox_;
};

TEST_F(LimitsTest, TheKernelHasWhatWasAskedFor) {
  const auto done = gantry({"run", "-d", "--name", "box", "--network", "none", "-m", "64m", "--memory-swap",
                            "64m", "--cpus", "0.5", "--pids-limit", "40", "busybox:1", "sleep", "1000"});
  ASSERT_EQ(done.status, 0) << done.errors;
  EXPECT_EQ(kernel_value("box", "memory.max"), "67108864");
  EXPECT_EQ(kernel_value("box", "memory.swap.max"), "0");
  EXPECT_EQ(kernel_value("box", "cpu.max"), "50000 100000");
  EXPECT_EQ(kernel_value("box", "pids.max"), "40");
  EXPECT_THAT(gantry({"stats", "--no-stream", "box"}).output, HasSubstr("/ 67.1"));
}

TEST_F(LimitsTest, OutOfMemoryIs137AndSaysSo) {
  const auto done = gantry({"run", "--name", "greedy", "--network", "none", "-m", "16m", "--memory-swap",
                            "16m", "busybox:1", "tail", "/dev/zero"});
  EXPECT_EQ(done.status, 137) << done.errors;
  EXPECT_EQ(field("greedy", ".State.OOMKilled"), "true");
  EXPECT_EQ(field("greedy", ".State.ExitCode"), "137");
}

TEST_F(LimitsTest, ABusyLoopGetsItsShareOfCpu) {
  ASSERT_EQ(gantry({"run", "-d", "--name", "busy", "--network", "none", "--cpus", "0.2", "busybox:1", "sh",
                    "-c", "while :; do :; done"})
                .status,
            0);
  EXPECT_TRUE(test::wait_until([&] {
    return kernel_value("busy", "cpu.stat").find("nr_throttled 0\n") == std::string::npos;
  })) << kernel_value("busy", "cpu.stat");
}

TEST_F(LimitsTest, MoreProcessesThanThePidsLimitFail) {
  const auto done = gantry({"run", "--rm", "--network", "none", "--pids-limit", "5", "busybox:1", "sh", "-c",
                            "for i in 1 2 3 4 5 6 7 8 9; do sleep 5 & done; wait"});
  EXPECT_THAT(done.errors, HasSubstr("an't fork"));
}

}  // namespace
}  // namespace gantry
