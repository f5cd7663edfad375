#include "tests/runtime/container_fixture.h"
#include "tests/support/programs.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>

// A fork bomb of the size that no host should notice, on a host without a pids controller: what bounds it is
// RLIMIT_NPROC, which the kernel counts for the mapped user. hostile_test.cpp has those with cgroup limits.

namespace gantry::runtime {
namespace {

using std::chrono::seconds;
using test::wait_until;
using testing::HasSubstr;

// GANTRY_BOMB_PROCESSES=10000 is for a run of its own: it keeps two processors busy for minutes.
uint64_t bomb_size() {
  const char* asked = std::getenv("GANTRY_BOMB_PROCESSES");
  return asked == nullptr ? 1500 : static_cast<uint64_t>(std::atoll(asked));
}

constexpr auto patience = seconds(300);

class Bombs : public Containers {
 protected:
  void SetUp() override {
    Containers::SetUp();
    if (IsSkipped()) return;
    const auto program = read_file(test::program_directory() + "/../tests/hostile", size_t{1} << 26);
    ASSERT_OK(program);
    ASSERT_OK(write_file(rootfs() + "/bin/hostile", *program, 0755));
    configure({"sh", "-c", "while :; do echo >>/tmp/beats; sleep 0.05; done"});
    begin(neighbour());
    ASSERT_TRUE(wait_until([&] { return beats() > 2; }, patience));
  }

  static std::string neighbour() { return std::string(test_id) + "-neighbour"; }

  void begin(const std::string& id) {
    const auto created = create(id);
    ASSERT_EQ(created.status, 0) << created.errors;
    ASSERT_EQ(runtime({"start", id}).status, 0);
  }

  // How often the neighbour's loop has come round: a byte each time.
  size_t beats() { return read_file(rootfs() + "/tmp/beats").value_or("").size(); }

  size_t processes() {
    const auto text = read_file(cgroup_directory(test_id) + "/cgroup.procs").value_or("");
    return static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
  }

  void begin_full_bomb() {
    constexpr uint32_t mapped = 1947000000;    // nobody else's, so that its count is the bomb's
    const uint64_t limit = bomb_size() + 200;  // some are always being made, and are no processes yet
    configure({"hostile", "bomb"}, [&](oci::RuntimeConfig& config) {
      config.linux_->namespaces.push_back({oci::NamespaceType::user, {}});
      config.linux_->uid_mappings = {{0, mapped, 65536}};
      config.linux_->gid_mappings = {{0, mapped, 65536}};
      config.process->rlimits = {{"RLIMIT_NPROC", limit, limit}};
    });
    begin(test_id);
    ASSERT_TRUE(wait_until([&] { return processes() >= bomb_size(); }, patience)) << processes();
  }

  void expect_neighbour_does_not_notice() {
    const auto before = beats();
    EXPECT_TRUE(wait_until([&] { return beats() >= before + 20; }, seconds(40))) << "its loop is starved";
    const auto answer = runtime({"exec", neighbour(), "echo", "here"});
    EXPECT_EQ(answer.output, "here\n") << answer.errors;
  }

  void expect_gone() {
    EXPECT_FALSE(path_exists(cgroup_directory(test_id)));  // the kernel removes none that has processes
    EXPECT_THAT(status(test_id), HasSubstr("does not exist"));
    EXPECT_EQ(state_folders(), std::vector<std::string>{neighbour()});
  }
};

TEST_F(Bombs, ProcessesByTheThousandThatForkWithoutEndEndWithKillAndDelete) {
  begin_full_bomb();
  expect_neighbour_does_not_notice();
  EXPECT_EQ(runtime({"kill", test_id, "KILL"}).status, 0);
  EXPECT_TRUE(wait_until([&] { return status(test_id) == "stopped"; }, patience)) << status(test_id);
  const auto deleted = runtime({"delete", test_id});
  EXPECT_EQ(deleted.status, 0) << deleted.errors;
  expect_gone();
}

TEST_F(Bombs, ProcessesByTheThousandThatForkWithoutEndEndWithDeleteForce) {
  begin_full_bomb();
  const auto deleted = runtime({"delete", "--force", test_id});
  EXPECT_EQ(deleted.status, 0) << deleted.errors;
  expect_gone();
  expect_neighbour_does_not_notice();
}

}  // namespace
}  // namespace gantry::runtime
