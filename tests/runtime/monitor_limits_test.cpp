#include "tests/runtime/monitor_fixture.h"

#include <csignal>
#include <sys/socket.h>

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

TEST_F(Monitored, OutOfMemoryIsOnDiskBeforeAnyoneIsTold) {
  const auto message = launch_attached("cat; tail /dev/zero", {}, [](oci::RuntimeConfig& config) {
    config.linux_->resources.memory.emplace();
    config.linux_->resources.memory->limit = 32 << 20;
    config.linux_->resources.memory->swap = 32 << 20;
  });
  ASSERT_GT(message.pid, 0) << message.error;
  ASSERT_EQ(shutdown(client_.get(), SHUT_WR), 0);
  read_client(client_);  // to its end, which tells it
  const auto status = monitor_status();
  EXPECT_EQ(status.state, MonitorState::exited);
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
