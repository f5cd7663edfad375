#include "tests/runtime/container_fixture.h"
#include "tests/runtime/exchange.h"
#include "tests/runtime/own_mounts.h"

#include <chrono>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

// Containers and execs, by the hundred, while what they are made of changes under them: links and folders
// that change places, mounts that come and go inside. Nothing outside is written, and each program that
// starts has 0, 1, 2 and what was asked for.

namespace gantry::runtime {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr auto time_inside = std::chrono::seconds(8);

class HostileRoot : public Containers {
 protected:
  void SetUp() override {
    Containers::SetUp();
    if (IsSkipped()) return;
    ASSERT_OK(make_directories(file("canary"), 0755));
    ASSERT_OK(write_file(file("canary/f"), "alive", 0644));
    ASSERT_TRUE(take_own_mounts());
    mounts_ = read_file("/proc/self/mountinfo").value_or("");
    // Inherited by every gantry-oci, as a careless caller leaves one open; in some rounds it is asked for.
    ASSERT_EQ(::fcntl(3, F_GETFD), -1) << "something else has the number";
    inherited_ = UniqueFd(::open("/dev/null", O_RDONLY));
    ASSERT_EQ(inherited_.get(), 3);
  }
  void link(const std::string& target, const std::string& name) {
    ASSERT_EQ(::symlink(target.c_str(), (rootfs() + name).c_str()), 0);
  }
  Exchange::Pair in_root(const std::string& one, const std::string& other) {
    return {rootfs() + one, rootfs() + other};
  }
  void expect_nothing_outside_changed() {
    EXPECT_THAT(list_directory(file("canary")).value_or({}), ElementsAre("f"));
    EXPECT_EQ(read_file(file("canary/f")).value_or(""), "alive");
    struct stat info {};
    ASSERT_EQ(::stat(file("canary/f").c_str(), &info), 0);
    EXPECT_EQ(info.st_mode, mode_t{S_IFREG | 0644});
    EXPECT_EQ(info.st_uid, 0U);
    EXPECT_EQ(read_file("/proc/self/mountinfo").value_or(""), mounts_);
  }

  // Of a program that was started as `ls -1 /proc/self/fd`, with `asked` descriptors above stdio.
  static std::string descriptors_of(int asked, bool terminal) {
    std::string text;
    for (int fd = 0; fd <= 3 + asked; ++fd) text += format("{}{}", fd, terminal ? "\r\n" : "\n");
    return text;  // the last is the folder that ls reads
  }

 private:
  std::string mounts_;
  UniqueFd inherited_;
};

// What is asked for in a round: a terminal in some, in others a descriptor that is passed on.
struct Asked {
  explicit Asked(int round) : terminal(round % 3 == 1), descriptors(round % 3 == 2 ? 1 : 0) {}
  bool terminal;
  int descriptors;
};

// Checked: with root_path.cpp opening below the root without RESOLVE_IN_ROOT; with a dup(2) in place of
// finish_process's close_on_exec_from.
TEST_F(HostileRoot, MountsMasksDevicesAndTheConsoleOfARootThatChanges) {
  for (const char* folder : {"/volume", "/masked", "/readonly", "/dev/pts"}) {
    ASSERT_OK(make_directories(rootfs() + folder, 0755));
  }
  ASSERT_OK(write_file(rootfs() + "/dev/console", "", 0644));
  for (const char* name : {"/volume-link", "/masked-link", "/readonly-link"}) link(file("canary"), name);
  link(file("canary/f"), "/dev/console-link");
  link("../../../../../../../../../.." + file("canary"), "/dev-link");
  const auto configure_all = [&](bool terminal) {
    configure({"ls", "-1", "/proc/self/fd"}, [&](auto& config) {
      std::erase_if(config.mounts, [](const auto& mount) { return mount.destination == "/dev"; });
      config.mounts.push_back({"/volume/made", "tmpfs", "tmpfs", {"tmpcopyup"}, {}, {}});
      config.linux_->masked_paths = {"/masked/f", "/masked"};
      config.linux_->readonly_paths = {"/readonly/f", "/readonly"};
      config.process->terminal = terminal;
      config.process->cwd = "/volume/cwd";
    });
  };
  int rounds = 0;
  int complete = 0;
  {
    const Exchange exchange({in_root("/volume", "/volume-link"), in_root("/masked", "/masked-link"),
                             in_root("/readonly", "/readonly-link"),
                             in_root("/dev/console", "/dev/console-link"), in_root("/dev", "/dev-link")});
    for (const RaceRounds race(time_inside); race.go_on(rounds); ++rounds) {
      const Asked asked(rounds);
      configure_all(asked.terminal);
      const auto result =
          runtime({"run", "--preserve-fds", format("{}", asked.descriptors), "--bundle", bundle(), test_id});
      if (result.status != 0) continue;
      ++complete;
      ASSERT_EQ(result.output, descriptors_of(asked.descriptors, asked.terminal)) << "round " << rounds;
    }
    EXPECT_GT(exchange.count(), rounds);
  }
  EXPECT_GT(rounds, 5);
  EXPECT_GT(complete, 0) << "of " << rounds;
  RecordProperty("rounds", rounds);
  RecordProperty("complete", complete);
  expect_nothing_outside_changed();
  EXPECT_THAT(state_folders(), IsEmpty());
}

// Checked: with a dup(2) as above.
TEST_F(HostileRoot, ExecIntoAContainerThatMountsOverItsOwnProcAndDev) {
  ASSERT_OK(make_directories(rootfs() + "/work", 0755));
  link(file("canary"), "/work-link");
  configure({"sh", "-c", R"(
      mkdir /tmp/over
      while :; do
        mount -t tmpfs none /proc; umount -l /proc
        mount --bind /tmp/over /dev/pts; umount -l /dev/pts
        mount --bind /tmp/over /sys; umount -l /sys
      done 2>/dev/null)"},
            [](auto& config) {
              const std::vector<std::string> all = {"CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE", "CAP_SYS_PTRACE"};
              config.process->capabilities = oci::Capabilities{all, all, {}, all, {}};
            });
  ASSERT_EQ(create(test_id).status, 0);
  ASSERT_EQ(runtime({"start", test_id}).status, 0);
  int rounds = 0;
  int complete = 0;
  {
    const Exchange exchange({in_root("/work", "/work-link")});
    for (const RaceRounds race(time_inside); race.go_on(rounds); ++rounds) {
      const Asked asked(rounds);
      std::vector<std::string> arguments = {"exec", "--cwd", "/work", "--preserve-fds",
                                            format("{}", asked.descriptors)};
      if (asked.terminal) arguments.push_back("--tty");
      arguments.insert(arguments.end(), {test_id, "ls", "-1", "/proc/self/fd"});
      const auto result = runtime(arguments);
      if (result.status != 0) continue;
      // An empty tmpfs may be there instead of /proc.
      if (result.output.empty()) continue;
      ++complete;
      ASSERT_EQ(result.output, descriptors_of(asked.descriptors, asked.terminal)) << "round " << rounds;
    }
    EXPECT_GT(exchange.count(), rounds);
  }
  EXPECT_GT(rounds, 5);
  EXPECT_GT(complete, 0) << "of " << rounds;
  RecordProperty("rounds", rounds);
  RecordProperty("complete", complete);
  expect_nothing_outside_changed();
}

}  // namespace
}  // namespace gantry::runtime
