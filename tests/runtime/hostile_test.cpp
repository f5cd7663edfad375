#include "base/text.h"
#include "cgroups/statistics.h"
#include "tests/runtime/container_fixture.h"
#include "tests/support/programs.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <thread>

// Containers that take all they can, within limits that the kernel enforces, beside one that just goes on: it
// isn't starved, it answers, and the hostile one can be killed and leaves nothing. Needs a host that enforces
// limits.

namespace gantry::runtime {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using test::wait_until;
using testing::HasSubstr;

constexpr auto patience = seconds(120);

// How many a bomb grows to. An emulated guest makes some fifty a second of 110 KiB each: the whole number,
// GANTRY_BOMB_PROCESSES=10000, is for a run of its own.
int64_t bomb_size() {
  const char* asked = std::getenv("GANTRY_BOMB_PROCESSES");
  return asked == nullptr ? 300 : std::atoll(asked);
}

constexpr int64_t small_memory = 32 << 20;

class Hostile : public Containers {
 protected:
  void SetUp() override {
    Containers::SetUp();
    if (IsSkipped()) return;
    const auto program = read_file(test::program_directory() + "/../tests/hostile", size_t{1} << 26);
    ASSERT_OK(program);
    ASSERT_OK(write_file(rootfs() + "/bin/hostile", *program, 0755));
    configure({"sh", "-c", "while :; do echo >>/tmp/beats; sleep 0.05; done"}, [](auto& config) {
      config.linux_->resources.memory = oci::MemoryResources{};
      config.linux_->resources.memory->limit = 64 << 20;
    });
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

  uint64_t value(const std::string& id, const std::string& file) {
    const auto text = read_file(cgroup_directory(id) + "/" + file);
    return text ? parse_unsigned(file, trim(*text)).value_or(0) : 0;
  }
  uint64_t event(const std::string& id, const std::string& file, const std::string& key) {
    const auto values = cgroups::parse_flat_keyed(read_file(cgroup_directory(id) + "/" + file).value_or(""));
    const auto found = values.find(key);
    return found == values.end() ? 0 : found->second;
  }

  void expect_neighbour_does_not_notice() {
    const auto before = beats();
    EXPECT_TRUE(wait_until([&] { return beats() >= before + 20; }, seconds(40))) << "its loop is starved";
    const auto answer = runtime({"exec", neighbour(), "echo", "here"});
    EXPECT_EQ(answer.output, "here\n") << answer.errors;
    EXPECT_EQ(event(neighbour(), "memory.events", "oom"), 0U);
    EXPECT_EQ(status(neighbour()), "running");
  }

  void expect_gone(const std::string& id) {
    EXPECT_FALSE(path_exists(cgroup_directory(id)));  // the kernel removes none that has processes
    EXPECT_THAT(status(id), HasSubstr("does not exist"));
    EXPECT_EQ(state_folders(), std::vector<std::string>{neighbour()});
  }

  void kill_and_delete(const std::string& id) {
    const auto begin = steady_clock::now();
    const auto killed = runtime({"kill", id, "KILL"});
    EXPECT_TRUE(killed.status == 0 || status(id) == "stopped") << killed.errors;
    EXPECT_TRUE(wait_until([&] { return status(id) == "stopped"; }, patience)) << status(id);
    const auto deleted = runtime({"delete", id});
    EXPECT_EQ(deleted.status, 0) << deleted.errors;
    expect_gone(id);
    record_milliseconds("kill_and_delete_ms", begin);
  }

  void delete_by_force(const std::string& id) {
    const auto begin = steady_clock::now();
    const auto deleted = runtime({"delete", "--force", id});
    EXPECT_EQ(deleted.status, 0) << deleted.errors;
    expect_gone(id);
    record_milliseconds("delete_force_ms", begin);
  }

  static void record_milliseconds(const std::string& name, steady_clock::time_point begin) {
    const auto lasted = std::chrono::duration_cast<milliseconds>(steady_clock::now() - begin);
    RecordProperty(name, static_cast<int>(lasted.count()));
  }

  void begin_bomb(const std::function<void(oci::RuntimeConfig&)>& change) {
    configure({"hostile", "bomb"}, change);
    begin(test_id);
  }
  void begin_full_bomb(const std::function<void(oci::RuntimeConfig&)>& change = [](oci::RuntimeConfig&) {}) {
    const auto size = bomb_size();
    begin_bomb([&](auto& config) {
      config.linux_->resources.pids = oci::PidsResources{size};
      change(config);
    });
    const auto full = [&] { return value(test_id, "pids.current") >= static_cast<uint64_t>(size); };
    ASSERT_TRUE(wait_until(full, patience + milliseconds(60 * size)))
        << value(test_id, "pids.current") << " of " << size;
    EXPECT_TRUE(wait_until([&] { return event(test_id, "pids.events", "max") > 0; }, patience));
    RecordProperty("processes", static_cast<int>(size));
    RecordProperty("kib", static_cast<int>(value(test_id, "memory.current") / 1024));
  }
};

TEST_F(Hostile, ProcessesByTheThousandThatForkWithoutEndEndWithKillAndDelete) {
  begin_full_bomb();
  expect_neighbour_does_not_notice();
  kill_and_delete(test_id);
  expect_neighbour_does_not_notice();
}

TEST_F(Hostile, ProcessesByTheThousandThatForkWithoutEndEndWithDeleteForce) {
  begin_full_bomb();
  delete_by_force(test_id);
  expect_neighbour_does_not_notice();
}

// In the host's pid namespace no kernel kills them with their init.
TEST_F(Hostile, ForkBombWithoutAPidNamespaceEndsWithKillAndDelete) {
  begin_full_bomb([](auto& config) {
    std::erase_if(config.linux_->namespaces,
                  [](const auto& space) { return space.type == oci::NamespaceType::pid; });
  });
  expect_neighbour_does_not_notice();
  kill_and_delete(test_id);
}

// The kernel's memory for processes counts too: the OOM killer ends some, and the others fork on.
TEST_F(Hostile, ForkBombWithAMemoryLimitAloneStaysWithinIt) {
  begin_bomb([](auto& config) {
    config.linux_->resources.memory = oci::MemoryResources{};
    config.linux_->resources.memory->limit = small_memory;
    config.linux_->resources.memory->swap = small_memory;
  });
  ASSERT_TRUE(wait_until(
      [&] { return event(test_id, "memory.events", "oom_kill") > 5 || status(test_id) == "stopped"; },
      patience))
      << value(test_id, "memory.current");
  EXPECT_LE(value(test_id, "memory.current"), static_cast<uint64_t>(small_memory));
  expect_neighbour_does_not_notice();
  kill_and_delete(test_id);
}

TEST_F(Hostile, FillingItsMemoryOverAndOverIsItsOwnTroubleAndTold) {
  configure({"sh", "-c", "while :; do tail /dev/zero; done"}, [](auto& config) {
    config.linux_->resources.memory = oci::MemoryResources{};
    config.linux_->resources.memory->limit = small_memory;
    config.linux_->resources.memory->swap = small_memory;
  });
  begin(test_id);
  CommandResult followed;
  std::thread follower([&] { followed = runtime({"events", "--interval", "1h", test_id}); });
  EXPECT_TRUE(wait_until([&] { return event(test_id, "memory.events", "oom_kill") >= 3; }, seconds(50)));
  EXPECT_LE(value(test_id, "memory.current"), static_cast<uint64_t>(small_memory));
  expect_neighbour_does_not_notice();
  kill_and_delete(test_id);
  follower.join();
  EXPECT_THAT(followed.output, HasSubstr(R"({"type":"oom","id":")" + std::string(test_id) + R"("})"))
      << followed.errors;
}

}  // namespace
}  // namespace gantry::runtime
