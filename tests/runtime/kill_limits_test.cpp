#include "tests/runtime/kill_fixture.h"

// As kill_test.cpp, with the cgroup's limits, which need a host that enforces them. At some calls only: the
// others are made without limits too.

namespace gantry::runtime {
namespace {

constexpr int stride = 5;

TEST_F(KilledAtEachCall, CreateAndDeleteWithLimits) {
  configure({"sleep", "1000"}, [](auto& config) {
    config.linux_->resources.memory = oci::MemoryResources{};
    config.linux_->resources.memory->limit = 32 << 20;
    config.linux_->resources.pids = oci::PidsResources{20};
    config.linux_->resources.cpu = oci::CpuResources{};
    config.linux_->resources.cpu->shares = 512;
  });
  const auto created = create(test_id);
  ASSERT_EQ(created.status, 0) << created.errors;
  ASSERT_EQ(runtime({"delete", "--force", test_id}).status, 0);
  const auto creation = command({"create", "--bundle", bundle(), test_id});
  for (const auto victim : {Victim::program, Victim::child}) {
    const int calls = kill_everywhere(
        stride, [] {}, [&](int number) { return run_and_kill(creation, victim, number); });
    EXPECT_GT(calls, 100 / stride);
  }
  const int calls = kill_everywhere(
      stride, [&] { ASSERT_EQ(create(test_id).status, 0); },
      [&](int number) {
        return run_and_kill(command({"delete", "--force", test_id}), Victim::program, number);
      });
  EXPECT_GT(calls, 40 / stride);
}

}  // namespace
}  // namespace gantry::runtime
