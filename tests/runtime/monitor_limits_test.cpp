#include "tests/runtime/monitor_fixture.h"

#include <csignal>

namespace gantry::runtime {
namespace {

TEST_F(Monitored, OutOfMemoryIsTold) {
  const auto message = launch("tail /dev/zero", {}, [](oci::RuntimeConfig& config) {
    config.linux_->resources.memory.emplace();
    config.linux_->resources.memory->limit = 32 << 20;
    config.linux_->resources.memory->swap = 32 << 20;
  });
  ASSERT_GT(message.pid, 0) << message.error;
  const auto status = ended();
  EXPECT_TRUE(status.oom_killed);
  EXPECT_EQ(status.exit_code, 128 + SIGKILL);
}

TEST_F(Monitored, KilledWithinItsMemoryIsNotOutOfMemory) {
  const auto message = launch("sleep 1000");
  ASSERT_GT(message.pid, 0) << message.error;
  ASSERT_EQ(::kill(message.pid, SIGKILL), 0);
  EXPECT_FALSE(ended().oom_killed);
}

}  // namespace
}  // namespace gantry::runtime
