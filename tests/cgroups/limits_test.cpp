#include "base/files.h"
#include "base/random.h"
#include "base/text.h"
#include "cgroups/cgroup.h"
#include "oci/linux_resources.h"
#include "tests/cgroups/child.h"
#include "tests/support/results.h"
#include "tests/support/wait.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

// These need a host that enforces: all controllers in cgroup.controllers.
namespace gantry::cgroups {
namespace {

using test::Child;
using test::wait_until;
using testing::HasSubstr;

constexpr size_t megabyte = size_t{1} << 20;

class Enforced : public testing::Test {
 protected:
  void SetUp() override {
    for (const auto* name : {"cpu", "cpuset", "io", "memory", "pids"}) {
      ASSERT_TRUE(detect_host().offers(name))
          << "this test needs " << name << ": " << detect_host().describe();
    }
    path_ = "/gantry-test-" + random_hex(6);
  }
  void TearDown() override {
    if (const auto cgroup = Cgroup::open(path_)) {
      EXPECT_OK(cgroup->kill());
      EXPECT_OK(cgroup->remove());
    }
  }
  Result<Cgroup> create(std::string_view json, const std::string& below = "/c") {
    return Cgroup::create(path_ + below, TRY(oci::parse_linux_resources(json, "test")),
                          Enforcement::required);
  }
  static std::string text(const Cgroup& cgroup, const char* file) {
    const auto content = read_file(join_path(cgroup.directory(), file));
    return content ? std::string(trim(*content)) : content.error().message();
  }

  std::string path_;
};

// Runs `work` in the cgroup from its first instruction on; the result of Child::wait.
int run_in(const Cgroup& cgroup, const std::function<int()>& work) {
  auto gate = Pipe::make();
  EXPECT_OK(gate);
  Child child([&] {
    char byte = 0;
    return ::read(gate->read.get(), &byte, 1) == 1 ? work() : 99;
  });
  EXPECT_OK(cgroup.attach(child.pid()));
  EXPECT_OK(write_all(gate->write, "!"));
  return child.wait();
}

TEST_F(Enforced, LimitsReadBackAsTheKernelHasThem) {
  const auto cgroup = create(R"({
    "cpu": {"shares": 512, "quota": 50000, "period": 100000, "cpus": "0", "burst": 10000},
    "memory": {"limit": 33554432, "swap": 50331648, "reservation": 16777216},
    "pids": {"limit": 42},
    "unified": {"memory.high": "29360128"}})");
  ASSERT_OK(cgroup);
  const std::pair<const char*, const char*> expected[] = {
      {"cpu.weight", "59"},       {"cpu.max", "50000 100000"}, {"cpuset.cpus", "0"},
      {"cpu.max.burst", "10000"}, {"memory.max", "33554432"},  {"memory.swap.max", "16777216"},
      {"memory.low", "16777216"}, {"memory.high", "29360128"}, {"pids.max", "42"}};
  for (const auto& [file, value] : expected) EXPECT_EQ(text(*cgroup, file), value) << file;
}

TEST_F(Enforced, UpdateChangesLimits) {
  auto cgroup = create(R"({"memory":{"limit":33554432},"pids":{"limit":42},"cpu":{"quota":50000}})");
  ASSERT_OK(cgroup);
  const auto more = oci::parse_linux_resources(R"({"memory":{"limit":67108864},"cpu":{"quota":-1}})", "test");
  ASSERT_OK(more);
  ASSERT_OK(cgroup->update(*more));
  EXPECT_EQ(text(*cgroup, "memory.max"), "67108864");
  EXPECT_EQ(text(*cgroup, "cpu.max"), "max 100000");
  EXPECT_EQ(text(*cgroup, "pids.max"), "42");
}

// Burns CPU until killed.
[[noreturn]] void spin() {
  for (;;) asm volatile("" ::: "memory");
}

// Touches `bytes` of memory.
int use_memory(size_t bytes) {
  auto* memory = static_cast<volatile char*>(
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  for (size_t i = 0; i < bytes; i += 4096) memory[i] = 1;
  return 0;
}

TEST_F(Enforced, MemoryLimitKillsAndIsCounted) {
  const auto cgroup = create(R"({"memory":{"limit":33554432,"swap":33554432}})");
  ASSERT_OK(cgroup);
  EXPECT_EQ(run_in(*cgroup, [] { return use_memory(16 * megabyte); }), 0);
  EXPECT_EQ(cgroup->events()->oom_kill, 0u);
  EXPECT_EQ(run_in(*cgroup, [] { return use_memory(64 * megabyte); }), 128 + SIGKILL);
  EXPECT_EQ(cgroup->events()->oom_kill, 1u);
  const auto statistics = cgroup->statistics();
  ASSERT_OK(statistics);
  ASSERT_TRUE(statistics->memory.has_value());
  EXPECT_EQ(statistics->memory->maximum, 33554432u);
  EXPECT_EQ(statistics->memory->oom_kill, 1u);
}

TEST_F(Enforced, CheckBeforeUpdateRefusesInsteadOfKilling) {
  auto cgroup = create(R"({"memory":{"limit":67108864}})");
  ASSERT_OK(cgroup);
  auto ready = Pipe::make();
  ASSERT_OK(ready);
  auto gate = Pipe::make();
  ASSERT_OK(gate);
  Child child([&] {
    char byte = 0;
    if (::read(gate->read.get(), &byte, 1) != 1) return 1;
    use_memory(32 * megabyte);
    if (!write_all(ready->write, "!")) return 1;
    for (;;) pause();
  });
  ASSERT_OK(cgroup->attach(child.pid()));
  ASSERT_OK(write_all(gate->write, "!"));
  char byte = 0;
  ASSERT_EQ(::read(ready->read.get(), &byte, 1), 1);
  const auto less =
      oci::parse_linux_resources(R"({"memory":{"limit":8388608,"checkBeforeUpdate":true}})", "test");
  ASSERT_OK(less);
  EXPECT_ERROR(cgroup->update(*less), ErrorKind::conflict, HasSubstr("memory.limit"));
  EXPECT_EQ(text(*cgroup, "memory.max"), "67108864");
}

TEST_F(Enforced, CpuMaxThrottles) {
  const auto cgroup = create(R"({"cpu":{"quota":10000,"period":100000}})");
  ASSERT_OK(cgroup);
  auto gate = Pipe::make();
  ASSERT_OK(gate);
  Child child([&] {
    char byte = 0;
    if (::read(gate->read.get(), &byte, 1) != 1) return 1;
    spin();
  });
  ASSERT_OK(cgroup->attach(child.pid()));
  ASSERT_OK(write_all(gate->write, "!"));
  EXPECT_TRUE(wait_until([&] { return cgroup->statistics()->cpu.throttled_periods >= 5; }))
      << text(*cgroup, "cpu.stat");
  const auto cpu = cgroup->statistics()->cpu;
  // A period may overrun by a tick or two; unthrottled it would be 100000 µs a period.
  EXPECT_LT(cpu.usage_us, cpu.periods * 40000) << text(*cgroup, "cpu.stat");
}

TEST_F(Enforced, PidsLimitRefusesForks) {
  const auto cgroup = create(R"({"pids":{"limit":3}})");
  ASSERT_OK(cgroup);
  const int status = run_in(*cgroup, [] {
    int made = 0;
    pid_t children[8] = {};
    for (auto& child : children) {
      child = fork();
      if (child == 0) {
        for (;;) pause();
      }
      if (child > 0) ++made;
    }
    for (const auto child : children) {
      if (child > 0) ::kill(child, SIGKILL);
    }
    return made;
  });
  EXPECT_EQ(status, 2);
  EXPECT_GE(cgroup->events()->pids_max, 1u);
}

// errno of opening the device node for reading from within the cgroup, 0 when it opens.
int open_in(const Cgroup& cgroup, const std::string& node) {
  return run_in(cgroup, [&] {
    const int fd = ::open(node.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    return fd >= 0 ? 0 : errno;
  });
}

TEST_F(Enforced, DeviceProgramDenies) {
  const auto folder = TemporaryDirectory::make("/dev");
  ASSERT_OK(folder);
  const auto node = folder->path() + "/zero", other = folder->path() + "/kmsg";
  ASSERT_EQ(mknod(node.c_str(), S_IFCHR | 0600, makedev(1, 5)), 0);
  ASSERT_EQ(mknod(other.c_str(), S_IFCHR | 0600, makedev(1, 11)), 0);
  auto cgroup = create(R"({"devices":[{"allow":false,"access":"rwm"}]})");
  ASSERT_OK(cgroup);
  EXPECT_EQ(open_in(*cgroup, node), 0);
  EXPECT_EQ(open_in(*cgroup, other), EPERM);
  const auto more = oci::parse_linux_resources(
      R"({"devices":[{"allow":true,"type":"c","major":1,"minor":11,"access":"r"}]})", "test");
  ASSERT_OK(more);
  ASSERT_OK(cgroup->update(*more));
  EXPECT_EQ(open_in(*cgroup, other), 0);
  const auto all = oci::parse_linux_resources(R"({"devices":[{"allow":true,"access":"rwm"}]})", "test");
  ASSERT_OK(all);
  ASSERT_OK(cgroup->update(*all));
  EXPECT_EQ(open_in(*cgroup, other), 0);
}

TEST_F(Enforced, ParentWithProcessesIsNamed) {
  const auto parent = create("{}", "/p");
  ASSERT_OK(parent);
  Child child;
  ASSERT_OK(parent->attach(child.pid()));
  EXPECT_ERROR(create(R"({"memory":{"limit":33554432}})", "/p/c"), ErrorKind::conflict,
               HasSubstr("has processes of its own"));
  EXPECT_FALSE(path_exists(parent->directory() + "/c"));
}

TEST_F(Enforced, FreezeStopsTheClock) {
  const auto cgroup = create("{}");
  ASSERT_OK(cgroup);
  Child child([]() -> int { spin(); });
  ASSERT_OK(cgroup->attach(child.pid()));
  ASSERT_OK(cgroup->freeze());
  const auto before = cgroup->statistics()->cpu.usage_us;
  usleep(50'000);
  EXPECT_EQ(cgroup->statistics()->cpu.usage_us, before);
  ASSERT_OK(cgroup->thaw());
  EXPECT_TRUE(wait_until([&] { return cgroup->statistics()->cpu.usage_us > before; }));
}

}  // namespace
}  // namespace gantry::cgroups
