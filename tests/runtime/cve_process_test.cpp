#include "tests/runtime/container_fixture.h"
#include "tests/support/programs.h"

#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// What the processes of a container get, and what they could get hold of: docs/security.md has the table.
// `Checked:` says with which defence taken out the test was seen to fail.

namespace gantry::runtime {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class CveProcessTest : public Containers {
 protected:
  void create_sleeping(const std::function<void(oci::RuntimeConfig&)>& change = [](oci::RuntimeConfig&) {}) {
    configure({"sleep", "1000"}, change);
    const auto created = create(test_id);
    ASSERT_EQ(created.status, 0) << created.errors;
    ASSERT_EQ(runtime({"start", test_id}).status, 0);
  }
};

// In a process of the container, root with its capabilities: looks at the descriptors of whoever is new
// there, until one above stdio opens (which execve would have closed) or its parent kills it.
[[noreturn]] void watch_descriptors(int found) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  const __user_cap_data_struct kept[2] = {{1U << CAP_KILL, 1U << CAP_KILL, 0}, {0, 0, 0}};
  if (::syscall(SYS_capset, &header, kept) != 0) ::_exit(1);
  for (;;) {
    char text[128] = {};
    const int load = ::open("/proc/loadavg", O_RDONLY);
    const bool read = ::read(load, text, sizeof text - 1) > 0;
    ::close(load);
    const char* last = read ? std::strrchr(text, ' ') : nullptr;
    if (last == nullptr || std::atoi(last + 1) == ::getpid()) continue;
    char path[64];
    char target[64] = {};
    for (int fd = 3; fd < 10; ++fd) {
      std::snprintf(path, sizeof path, "/proc/%d/fd/%d", std::atoi(last + 1), fd);
      if (::readlink(path, target, sizeof target - 1) > 0) (void)!::write(found, target, std::strlen(target));
    }
  }
}

// runc CVE-2016-9962. Not with SYS_PTRACE in the host's user namespace, which opens every process by itself.
// Checked: without the two PR_SET_DUMPABLE of exec.cpp and process.cpp's change_user.
TEST_F(CveProcessTest, Cve_2016_9962_DescriptorsOfExecCannotBeSeenFromInside) {
  create_sleeping([](auto& config) {
    config.process->capabilities = oci::Capabilities{{"CAP_KILL"}, {"CAP_KILL"}, {}, {"CAP_KILL"}, {}};
  });
  int ends[2] = {-1, -1};
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
  const UniqueFd read_end(ends[0]);
  const UniqueFd write_end(ends[1]);
  const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid_of(test_id), 0)));
  const pid_t outside = ::fork();
  if (outside == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::setns(process.get(), CLONE_NEWPID | CLONE_NEWNS) != 0) ::_exit(1);
    const pid_t watcher = ::fork();
    if (watcher == 0) watch_descriptors(write_end.get());
    ::waitpid(watcher, nullptr, 0);
    ::_exit(0);
  }
  for (int turn = 0; turn < 200; ++turn) EXPECT_EQ(runtime({"exec", test_id, "true"}).status, 0);
  ::kill(outside, SIGKILL);
  ::waitpid(outside, nullptr, 0);
  char seen[4096] = {};
  EXPECT_LE(::read(read_end.get(), seen, sizeof seen - 1), 0) << seen;
}

// runc CVE-2022-29162, crun CVE-2022-27650 and the engines of their time.
// Checked: with exec's --cap adding to `inheritable` whether the set is empty or not.
TEST_F(CveProcessTest, Cve_2022_29162_2022_27650_InheritableCapabilitiesAreEmpty) {
  const std::vector<std::string> show = {"grep", "CapInh", "/proc/self/status"};
  create_sleeping();
  for (const std::vector<std::string>& flags :
       {std::vector<std::string>{"exec"}, {"exec", "--cap", "CAP_NET_ADMIN"}}) {
    auto arguments = flags;
    arguments.push_back(test_id);
    arguments.insert(arguments.end(), show.begin(), show.end());
    EXPECT_EQ(runtime(arguments).output, "CapInh:\t0000000000000000\n");
  }
  ASSERT_EQ(runtime({"delete", "--force", test_id}).status, 0);
  EXPECT_EQ(run(show).output, "CapInh:\t0000000000000000\n");
}

// kernel CVE-2022-0492: cgroup v1 and its release_agent are never there; v2 is read-only as the configuration
// says. Checked: with is_cgroup's type left at "cgroup" in mounts.cpp.
TEST_F(CveProcessTest, Cve_2022_0492_CgroupsAreOfVersion2AndReadOnly) {
  const auto result = run_shell(
      "grep -c ' - cgroup ' /proc/self/mountinfo; ls -R /sys/fs/cgroup | grep release_agent; cd "
      "/sys/fs/cgroup;"
      "for f in *; do [ ! -f $f ] || { echo 1 >$f; } 2>/dev/null && echo wrote $f; done; ls cgroup.procs",
      [](auto& config) {
        std::erase_if(config.mounts, [](const auto& mount) { return mount.destination == "/sys/fs/cgroup"; });
        config.mounts.push_back(
            {"/sys/fs/cgroup", "cgroup", "cgroup", {"nosuid", "noexec", "nodev", "ro"}, {}, {}});
      });
  EXPECT_EQ(result.output, "0\ncgroup.procs\n") << result.errors;
}

// runc CVE-2023-25809: in a user namespace, without a cgroup namespace, the host's cgroups are bound there.
// Checked: without the read-only attribute of the fallback in mounts.cpp.
TEST_F(CveProcessTest, Cve_2023_25809_CgroupsAreReadOnlyInAUserNamespaceToo) {
  const auto result = run_shell(
      "echo $$ >/sys/fs/cgroup/cgroup.procs && echo wrote; ls /sys/fs/cgroup/cgroup.procs", [](auto& config) {
        auto& lin = *config.linux_;
        std::erase_if(lin.namespaces,
                      [](const auto& space) { return space.type == oci::NamespaceType::cgroup; });
        lin.namespaces.push_back({oci::NamespaceType::user, {}});
        lin.uid_mappings = {{0, 100000, 65536}};
        lin.gid_mappings = {{0, 100000, 65536}};
        lin.resources.devices.clear();
      });
  EXPECT_EQ(result.output, "/sys/fs/cgroup/cgroup.procs\n") << result.errors;
  EXPECT_THAT(result.errors, HasSubstr("Read-only file system"));
}

// runc CVE-2021-43784: lists of more than 64 KiB lost their end to a 16-bit length. Nothing here is sent with
// a length of 16 bits. Checked: with mask_paths stopping after 64 KiB of names.
TEST_F(CveProcessTest, Cve_2021_43784_ListsOfMoreThan64KiBHoldToTheirEnd) {
  ASSERT_OK(write_file(rootfs() + "/secret", "secret\n", 0644));
  const auto result = run({"cat", "/secret"}, [](auto& config) {
    for (int i = 0; i < 1000; ++i) {
      config.linux_->masked_paths.push_back(format("/{}/{}", std::string(100, 'x'), i));
    }
    config.linux_->masked_paths.push_back("/secret");
  });
  EXPECT_EQ(result.status, 0) << result.errors;
  EXPECT_EQ(result.output, "");
}

// runc CVE-2025-52881, youki CVE-2025-62161: what looks like a file of procfs in the container is another.
// Checked: with write_sysctls on the container's own /proc.
TEST_F(CveProcessTest, Cve_2025_52881_SysctlsAreWrittenToTheirOwnProcfs) {
  ASSERT_OK(make_directories(file("proc"), 0755));
  ASSERT_OK(make_directories(file("fake/net/ipv4"), 0755));
  ASSERT_OK(write_file(file("fake/net/ipv4/ip_forward"), "canary", 0666));
  configure({"cat", "/proc/sys/net/ipv4/ip_forward"}, [&](auto& config) {
    std::erase_if(config.mounts, [](const auto& mount) { return mount.destination == "/proc"; });
    config.mounts.insert(config.mounts.begin(), {"/proc", "bind", file("proc"), {"rbind"}, {}, {}});
    config.linux_->sysctl["net.ipv4.ip_forward"] = "1";
    config.linux_->masked_paths.clear();
    config.linux_->readonly_paths.clear();
  });
  Command command;
  command.arguments = {
      "unshare",
      "-m",
      "sh",
      "-c",
      "mount -t proc proc \"$1\" && mount --bind \"$2\" \"$1/sys\" && shift 2 && exec \"$@\"",
      "sh",
      file("proc"),
      file("fake"),
      test::program_path("gantry-oci"),
      "--root",
      root(),
      "run",
      "--bundle",
      bundle(),
      test_id};
  const auto result = run_command(command);
  ASSERT_OK(result);
  EXPECT_EQ(result->output, "canary") << result->errors;
  EXPECT_EQ(read_file(file("fake/net/ipv4/ip_forward")).value_or(""), "canary");
}

// containerd CVE-2021-41103, CVE-2024-25621: folders of containers that others may read.
// Checked: with ContainerFolder::claim making it 0755 and save 0644.
TEST_F(CveProcessTest, Cve_2021_41103_2024_25621_FilesOfAContainerAreItsOwnersOnly) {
  const mode_t before = ::umask(0);
  create_sleeping();
  ::umask(before);
  const std::pair<std::string, mode_t> wanted[] = {{root(), 0711},
                                                   {root() + "/" + test_id, 0711},
                                                   {root() + "/" + test_id + "/state.json", 0600},
                                                   {root() + "/" + test_id + "/config.json", 0600}};
  for (const auto& [path, mode] : wanted) {
    struct stat info {};
    ASSERT_EQ(::stat(path.c_str(), &info), 0) << path;
    EXPECT_EQ(info.st_mode & 07777, mode) << path;
  }
}

// containerd CVE-2024-40635: an id that wraps around is root's.
// Checked: with check_id of process_plan.cpp taking every number.
TEST_F(CveProcessTest, Cve_2024_40635_LargeIdsAreNeverRoot) {
  EXPECT_EQ(run({"id", "-u"}, [](auto& config) { config.process->user.uid = 4294967294U; }).output,
            "4294967294\n");
  EXPECT_EQ(run({"id", "-u"}, [](auto& config) { config.process->user.uid = 2147483648U; }).output,
            "2147483648\n");
  EXPECT_EQ(run({"id", "-u"}, [](auto& config) { config.process->user.uid = 4294967295U; }).output, "");
  configure({"id", "-u"});
  auto text = read_file(bundle() + "/config.json").value_or("");
  const std::string own = "\"uid\":0";
  ASSERT_NE(text.find(own), std::string::npos);
  ASSERT_OK(
      write_file(bundle() + "/config.json", text.replace(text.find(own), own.size(), "\"uid\":4294967296")));
  const auto result = runtime({"run", "--bundle", bundle(), test_id});
  EXPECT_EQ(result.output, "");
  EXPECT_THAT(result.errors, HasSubstr("$.process.user.uid: must be a whole number"));
}

}  // namespace
}  // namespace gantry::runtime
