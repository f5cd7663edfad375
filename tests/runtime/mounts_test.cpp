#include "tests/runtime/container_fixture.h"
#include "tests/support/programs.h"

#include <unistd.h>

// Where mounts come to lie, and with which options. What must not happen is seen from the host: a canary
// folder outside of the root stays as it was.

namespace gantry::runtime {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class Mounts : public Containers {
 protected:
  void SetUp() override {
    Containers::SetUp();
    if (IsSkipped()) return;
    ASSERT_OK(make_directories(file("canary"), 0755));
    ASSERT_OK(write_file(file("data"), "mine\n", 0644));
    ASSERT_OK(make_directories(file("folder"), 0755));
    ASSERT_OK(write_file(file("folder/f"), "ours\n", 0644));
  }
  void link(const std::string& target, const std::string& name) {
    ASSERT_EQ(::symlink(target.c_str(), (rootfs() + name).c_str()), 0);
  }
  static oci::Mount bind(const std::string& destination, const std::string& source) {
    return {destination, "bind", source, {"rbind"}, {}, {}};
  }
  std::vector<std::string> canary() { return list_directory(file("canary")).value_or({"?"}); }
};

// cri-o CVE-2024-5154: a link of the image where resolv.conf is mounted.
TEST_F(Mounts, Cve_2024_5154_DestinationsBehindLinksThatLeadToNothingAreMadeInTheRoot) {
  link("../run/systemd/resolve/stub-resolv.conf",
       "/etc/resolv.conf");  // of every image with systemd-resolved
  link("/var/lib/x", "/data");
  link("chain", "/link");
  link("end/of/it", "/chain");
  const auto result = run({"cat", "/etc/resolv.conf", "/run/systemd/resolve/stub-resolv.conf", "/data/f",
                           "/var/lib/x/f", "/end/of/it/below/f"},
                          [&](auto& config) {
                            config.mounts.push_back(bind("/etc/resolv.conf", file("data")));
                            config.mounts.push_back(bind("/data", file("folder")));
                            config.mounts.push_back(bind("/link/below", file("folder")));
                          });
  EXPECT_EQ(result.output, "mine\nmine\nours\nours\nours\n") << result.errors;
}

TEST_F(Mounts, LinksThatLeadToNothingOnTheHostAreMadeBelowTheRoot) {
  link(file("canary") + "/made", "/absolute");
  link("../../../../../../../.." + file("canary") + "/made", "/up");
  const auto result = run({"cat", "/absolute", "/up/f"}, [&](auto& config) {
    config.mounts.push_back(bind("/absolute", file("data")));
    config.mounts.push_back(bind("/up/below", file("folder")));
  });
  EXPECT_THAT(result.errors, HasSubstr("/up"));  // /absolute made it a file
  EXPECT_THAT(canary(), IsEmpty());
}

TEST_F(Mounts, LinksInACircleAreAnError) {
  link("b", "/a");
  link("a", "/b");
  for (const char* destination : {"/a", "/a/below"}) {
    const auto result =
        run({"true"}, [&](auto& config) { config.mounts.push_back(bind(destination, file("folder"))); });
    EXPECT_THAT(result.errors, HasSubstr("Too many levels of symbolic links")) << destination;
  }
}

TEST_F(Mounts, OptionValuesOfAnyLengthLeaveTheOtherOptionsInForce) {
  const std::string lower = file(std::string(200, 'l'));
  ASSERT_OK(make_directories(lower + "/a", 0755));
  ASSERT_OK(make_directories(lower + "/b", 0755));
  const auto result = run_shell(
      "grep ' /data ' /proc/mounts; touch /data/x; grep -c ' /data ' /proc/mounts", [&](auto& config) {
        config.mounts.push_back(
            {"/data",
             "overlay",
             "overlay",
             {"ro", "nosuid", "nodev", "noexec", "noatime", "lowerdir=" + lower + "/a:" + lower + "/b"},
             {},
             {}});
      });
  EXPECT_THAT(result.output, HasSubstr("overlay ro,nosuid,nodev,noexec,noatime")) << result.errors;
  EXPECT_THAT(result.output, HasSubstr("\n1\n"));
  EXPECT_THAT(result.errors, HasSubstr("Read-only file system"));
}

TEST_F(Mounts, OptionTextLongerThanAPageIsRefused) {
  const auto result = run({"true"}, [&](auto& config) {
    config.mounts.push_back({"/data", "overlay", "overlay", {"lowerdir=/" + std::string(4096, 'l')}, {}, {}});
  });
  EXPECT_THAT(result.errors, HasSubstr("mount /data: options: Argument list too long"));
}

TEST_F(Mounts, RecursiveOptionsHoldForNewFileSystemsToo) {
  const auto result = run_shell("grep ' /scratch ' /proc/mounts", [](auto& config) {
    config.mounts.push_back(
        {"/scratch", "tmpfs", "tmpfs", {"rro", "rnosuid", "rnodev", "noexec", "rexec"}, {}, {}});
  });
  EXPECT_THAT(result.output, HasSubstr("tmpfs ro,nosuid,nodev,relatime")) << result.errors;
}

// runc CVE-2019-16884: a folder of procfs isn't procfs.
// Checked: without plan_bind's refusal in mounts.cpp.
TEST_F(Mounts, Cve_2019_16884_OnlyTheRootOfAProcfsIsBoundOnProc) {
  for (const char* source : {"/proc/1/attr", "/proc/self/task", "/proc/sys"}) {
    const auto result = run({"echo", "ran"}, [&](auto& config) {
      std::erase_if(config.mounts, [](const auto& mount) { return mount.destination == "/proc"; });
      config.mounts.insert(config.mounts.begin(), bind("/proc", source));
    });
    EXPECT_EQ(result.output, "") << source;
    EXPECT_THAT(result.errors, HasSubstr("\"/proc\" cannot be mounted because it is not of type proc"));
  }
}

TEST_F(Mounts, CopyUpFillsATmpfsFromTheFolderThatItHides) {
  ASSERT_OK(make_directories(rootfs() + "/data/sub", 0750));
  ASSERT_OK(write_file(rootfs() + "/data/sub/f", "of the image\n", 0640));
  const auto result = run_shell("cat /data/sub/f; stat -c %a /data/sub/f", [](auto& config) {
    config.mounts.push_back({"/data", "tmpfs", "tmpfs", {"tmpcopyup"}, {}, {}});
  });
  EXPECT_EQ(result.output, "of the image\n640\n") << result.errors;
}

// A link may put a mount over the /dev that was mounted before: the devices belong into what is seen.
TEST_F(Mounts, DevicesAreMadeInTheDevThatIsOnTop) {
  link("dev", "/alias");
  const auto result = run({"ls", "-d", "/dev/null", "/dev/shm", "/dev/last"}, [](auto& config) {
    config.mounts.push_back({"/alias", "tmpfs", "tmpfs", {"mode=755"}, {}, {}});
    config.mounts.push_back({"/dev/shm", "tmpfs", "tmpfs", {}, {}, {}});
    config.mounts.push_back({"/dev/last", "tmpfs", "tmpfs", {}, {}, {}});
  });
  EXPECT_EQ(result.output, "/dev/last\n/dev/null\n/dev/shm\n") << result.errors;
}

// As in a user namespace that somebody else has made: root of it may not make devices.
TEST_F(Containers, WithoutTheRightToMakeDevicesTheHostsAreBound) {
  configure({"sh", "-c",
             "echo >/dev/null; stat -c '%t:%T %u' /dev/zero; grep -cE ' "
             "/dev/(null|zero|full|random|urandom|tty) ' /proc/mounts"});
  Command command;
  command.arguments = {"setpriv",
                       "--bounding-set=-mknod",
                       "--inh-caps=-all",
                       test::program_path("gantry-oci"),
                       "--root",
                       root(),
                       "run",
                       "--bundle",
                       bundle(),
                       test_id};
  command.limit = std::chrono::minutes(1);
  const auto result = run_command(command);
  ASSERT_OK(result);
  EXPECT_EQ(result->output, "1:5 0\n6\n") << result->errors;
  EXPECT_EQ(run_shell("grep -cE ' /dev/(null|zero|full|random|urandom|tty) ' /proc/mounts").output, "0\n");
}

}  // namespace
}  // namespace gantry::runtime
