#include "tests/runtime/container_fixture.h"
#include "tests/support/programs.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

// Roots and configurations made to break out, as others' runtimes were: docs/security.md has the table. What
// counts is the host's side: a canary's content, and that nothing ran. `Checked:` says with which defence
// taken out the test was seen to fail.

namespace gantry::runtime {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class CveTest : public Containers {
 protected:
  void replace(const std::string& name, const std::string& target) {
    ASSERT_OK(remove_tree(rootfs() + name));
    ASSERT_EQ(::symlink(target.c_str(), (rootfs() + name).c_str()), 0);
  }
  void without_mount(oci::RuntimeConfig& config, const std::string& prefix) {
    std::erase_if(config.mounts, [&](const auto& mount) { return mount.destination.rfind(prefix, 0) == 0; });
  }
};

// runc CVE-2023-27561, CVE-2023-28642.
// Checked: with open_target of mounts.cpp following links (`fixed` false).
TEST_F(CveTest, Cve_2023_27561_2023_28642_ProcThatIsASymlinkIsRefused) {
  replace("/proc", "/tmp/elsewhere");
  ASSERT_OK(make_directories(rootfs() + "/tmp/elsewhere", 0755));
  const auto result = run({"echo", "ran"});
  EXPECT_EQ(result.output, "");
  EXPECT_THAT(result.errors, HasSubstr("mount /proc: open the destination"));
  EXPECT_THAT(state_folders(), IsEmpty());
}

// runc CVE-2026-41579, crun CVE-2026-47766.
// Checked: with make_devices opening /dev by make_folder_in_root, and open_target as above.
TEST_F(CveTest, Cve_2026_41579_2026_47766_DevThatIsASymlinkIsRefused) {
  ASSERT_OK(make_directories(file("canary"), 0755));
  for (const bool mounted : {true, false}) {
    replace("/dev", "../../../../../../../../.." + file("canary"));
    const auto result = run({"echo", "ran"}, [&](auto& config) {
      if (!mounted) without_mount(config, "/dev");
    });
    EXPECT_EQ(result.output, "") << mounted;
    EXPECT_NE(result.status, 0) << mounted;
    EXPECT_THAT(list_directory(file("canary")).value_or({"?"}), IsEmpty()) << mounted;
  }
}

// /dev is the host's own when a bind put it there, however its name is spelled: not a node is made in it.
TEST_F(CveTest, HostFolderBoundOnDevIsNotWrittenToWhateverItsNameIs) {
  const std::string host = file("hostdev");
  ASSERT_OK(make_directories(host, 0755));
  ASSERT_OK(write_file(host + "/ptmx", "the host's", 0644));
  ASSERT_EQ(::symlink("/dev", (rootfs() + "/link").c_str()), 0);
  for (const char* destination : {"/dev", "//dev", "/dev/", "/tmp/../dev", "/link"}) {
    const auto result = run({"cat", "/dev/ptmx"}, [&](auto& config) {
      without_mount(config, "/dev");
      config.mounts.push_back({destination, "bind", host, {"bind"}, {}, {}});
    });
    EXPECT_EQ(result.output, "the host's") << destination << result.errors;
    EXPECT_THAT(list_directory(host).value_or({}), testing::ElementsAre("ptmx")) << destination;
  }
}

TEST_F(CveTest, DevThatIsBoundElsewhereTooStillGetsItsDevices) {
  const auto result = run_shell("echo >/dev/null; cat /dev/null && echo device", [&](auto& config) {
    without_mount(config, "/dev");
    config.mounts.push_back({"/other", "bind", rootfs() + "/dev", {"bind"}, {}, {}});
  });
  EXPECT_EQ(result.output, "device\n") << result.errors;
}

// runc CVE-2025-31133: the mask's source is the host's null device, whatever the image has at /dev/null.
// Checked: with make_node of devices.cpp taking what is there (`same` true).
TEST_F(CveTest, Cve_2025_31133_DevNullThatIsASymlinkNeitherUnmasksNorIsWritten) {
  replace("/dev/null", "/proc/sys/kernel/core_pattern");
  const auto result = run({"sh", "-c", "cat /proc/version | wc -c; echo ran"}, [&](auto& config) {
    without_mount(config, "/dev");
    config.linux_->masked_paths = {"/proc/version"};
  });
  EXPECT_EQ(result.output, "") << "a /dev/null that isn't the device is refused";
  EXPECT_THAT(result.errors, HasSubstr("make device /dev/null: something else is there"));
}

// runc CVE-2025-52565.
// Checked: with bind_console of terminal.cpp making the file without O_EXCL, O_NOFOLLOW and RESOLVE_*.
TEST_F(CveTest, Cve_2025_52565_DevConsoleThatIsASymlinkIsNotFollowed) {
  ASSERT_OK(write_file(file("canary"), "canary", 0644));
  replace("/dev/console", "/tmp/target");
  configure({"sh", "-c", "test -f /tmp/target && echo followed; echo ran"}, [&](auto& config) {
    config.process->terminal = true;
    std::erase_if(config.mounts, [](const auto& mount) { return mount.destination == "/dev"; });
  });
  const auto result = runtime({"run", "--bundle", bundle(), test_id});
  EXPECT_THAT(result.output, Not(HasSubstr("followed"))) << result.errors;
  EXPECT_FALSE(path_exists(rootfs() + "/tmp/target"));
}

// runc CVE-2019-16884, CVE-2019-19921: only a procfs may be at /proc, and little inside it, by whatever path.
// Checked: without check_target's refusal in mounts.cpp.
TEST_F(CveTest, Cve_2019_16884_2019_19921_2019_18837_NothingElseIsMountedOnProc) {
  ASSERT_OK(make_directories(file("fake"), 0755));
  ASSERT_EQ(::symlink("/proc/sys", (rootfs() + "/link").c_str()), 0);
  const std::pair<oci::Mount, const char*> cases[] = {
      {{"/proc", "tmpfs", "tmpfs", {}, {}, {}}, "\"/proc\" cannot be mounted because it is not of type proc"},
      {{"/proc", "bind", file("fake"), {"bind"}, {}, {}},
       "\"/proc\" cannot be mounted because it is not of type proc"},
      {{"/proc/sys", "tmpfs", "tmpfs", {}, {}, {}},
       "\"/proc/sys\" cannot be mounted because it is inside /proc"},
      {{"/tmp/../proc/sys", "bind", file("fake"), {"bind"}, {}, {}},
       "cannot be mounted because it is inside /proc"},
      {{"/link", "bind", file("fake"), {"bind"}, {}, {}},
       "\"/link\" cannot be mounted because it is inside /proc"},
  };
  for (const auto& [mount, text] : cases) {
    const auto result =
        run({"echo", "ran"}, [&, &entry = mount](auto& config) { config.mounts.push_back(entry); });
    EXPECT_EQ(result.output, "") << mount.destination;
    EXPECT_THAT(result.errors, HasSubstr(text)) << mount.destination;
  }
}

// runc CVE-2024-45310, CVE-2021-30465: destinations and what is made for them stay inside.
// Checked: without RESOLVE_IN_ROOT in root_path.cpp's `inside`.
TEST_F(CveTest, Cve_2021_30465_MountTargetsBehindSymlinksStayInTheRoot) {
  ASSERT_OK(make_directories(file("canary"), 0755));
  ASSERT_OK(write_file(file("data"), "mine", 0644));
  ASSERT_EQ(::symlink(file("canary").c_str(), (rootfs() + "/escape").c_str()), 0);
  ASSERT_EQ(::symlink("../../../../../../../..", (rootfs() + "/up").c_str()), 0);
  const auto result = run({"cat", "/up/placed"}, [&](auto& config) {
    config.mounts.push_back({"/up/placed", "bind", file("data"), {"bind"}, {}, {}});
  });
  EXPECT_EQ(result.output, "mine") << result.errors;
  EXPECT_FALSE(path_exists("/placed"));
  (void)run({"true"}, [&](auto& config) {
    config.mounts.push_back({"/escape/a/b", "bind", file("data"), {"bind"}, {}, {}});
  });
  EXPECT_THAT(list_directory(file("canary")).value_or({"?"}), IsEmpty());
}

// runc CVE-2024-21626: a working directory by a leaked descriptor, at run and at exec.
// Checked: without RESOLVE_* in `inside`, follow_link's refusal of procfs, and check_cwd.
TEST_F(CveTest, Cve_2024_21626_WorkingDirectoryByDescriptorIsRefused) {
  for (int fd = 3; fd < 31; ++fd) {
    const auto result =
        run({"pwd"}, [&](auto& config) { config.process->cwd = format("/proc/self/fd/{}", fd); });
    EXPECT_EQ(result.output, "") << fd;
    EXPECT_NE(result.status, 0) << fd;
  }
  configure({"sleep", "1000"});
  ASSERT_EQ(create(test_id).status, 0);
  for (int fd = 3; fd < 31; ++fd) {
    const auto result = runtime({"exec", "--cwd", format("/proc/self/fd/{}", fd), test_id, "pwd"});
    EXPECT_EQ(result.output, "") << fd;
    EXPECT_EQ(result.status, 255) << fd;
  }
}

// Checked: without close_on_exec_from in finish_process.
TEST_F(CveTest, Cve_2024_21626_NoDescriptorAboveStdioReachesTheProgram) {
  const UniqueFd leaked(::open("/etc", O_RDONLY | O_DIRECTORY));  // without O_CLOEXEC: a careless caller's
  ASSERT_TRUE(bool(leaked));
  const std::string list = "for f in /proc/self/fd/*; do readlink $f; done";
  const auto result = run_shell(list);
  EXPECT_THAT(result.output, Not(HasSubstr("/etc"))) << result.errors;
  configure({"sleep", "1000"});
  ASSERT_EQ(create(test_id).status, 0);
  EXPECT_THAT(runtime({"exec", test_id, "sh", "-c", list}).output, Not(HasSubstr("/etc")));
}

TEST_F(CveTest, PreservedDescriptorsMustBeOpenAndAreOnlyThoseAsked) {
  configure({"sh", "-c", "cat <&3 >/dev/null && echo three; { cat <&4; } 2>/dev/null || echo no four"});
  Command command;
  command.arguments = {"/bin/sh",
                       "-c",
                       "exec 3</etc/hostname 4</etc/passwd; exec \"$@\"",
                       "sh",
                       test::program_path("gantry-oci"),
                       "--root",
                       root(),
                       "run",
                       "--preserve-fds",
                       "1",
                       "--bundle",
                       bundle(),
                       test_id};
  const auto result = run_command(command);
  ASSERT_OK(result);
  EXPECT_EQ(result->output, "three\nno four\n") << result->errors;
  command.arguments[2] = "exec 3</etc/hostname 4<&-; exec \"$@\"";
  command.arguments[9] = "2";
  const auto gap = run_command(command);
  ASSERT_OK(gap);
  EXPECT_THAT(gap->errors, HasSubstr("unable to preserve descriptor 4: it is not open"));
}

// In a container that takes hold of the program behind a process in it, and writes to that once the process
// is gone and the kernel lets it.
class CveProgramTest : public CveTest {
 protected:
  static constexpr const char* attack = R"(
      grab() {
        for p in /proc/[0-9]*; do
          [ -e $p/exe ] && ! [ $p/exe -ef /bin/busybox ] && command exec 9<$p/exe && return 0
        done 2>/dev/null
        return 1
      }
      for turn in own runtime; do
        [ $turn = runtime ] || /bin/busybox-victim sleep 0.1 &
        until grab; do :; done
        echo >/tmp/held-$turn
        while [ -e $p/exe ] || ! [ -e /tmp/write-$turn ]; do :; done
        if { echo owned >>/proc/self/fd/9; } 2>/tmp/why; then echo $turn written; else echo $turn refused; fi >>/tmp/result
        exec 9<&-
      done)";

  void SetUp() override {
    CveTest::SetUp();
    if (IsSkipped()) return;
    const auto program = read_file(path_, size_t{1} << 30);
    ASSERT_OK(program);
    before_ = *program;
    ASSERT_OK(write_file(rootfs() + "/bin/busybox-victim", read_file("/bin/busybox").value_or(""), 0755));
    configure({"sh", "-c", attack}, [](auto& config) {
      const std::vector<std::string> all = {"CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE", "CAP_SYS_ADMIN"};
      config.process->capabilities = oci::Capabilities{all, all, {}, all, {}};
    });
    ASSERT_EQ(create(test_id).status, 0);
    ASSERT_EQ(runtime({"start", test_id}).status, 0);
  }

  void held_after(const std::string& turn, const std::function<void()>& step) {
    const auto held = [&] {
      step();
      return path_exists(rootfs() + "/tmp/held-" + turn);
    };
    ASSERT_TRUE(test::wait_until(held)) << turn;
    // Nothing runs the program any more, so that it isn't for that that a write fails.
    ASSERT_OK(write_file(rootfs() + "/tmp/write-" + turn, "", 0644));
  }

  // The same attack on a program of the container's own shows that it would work.
  void expect_only_its_own_is_written(const std::function<void()>& run_runtime_inside) {
    held_after("own", [] {});
    held_after("runtime", run_runtime_inside);
    std::string result;
    EXPECT_TRUE(test::wait_until([&] {
      result = read_file(rootfs() + "/tmp/result").value_or("");
      return result.find("runtime") != std::string::npos;
    }));
    EXPECT_EQ(result, "own written\nruntime refused\n");
    const auto after = read_file(path_, size_t{1} << 30);
    ASSERT_OK(after);
    EXPECT_TRUE(before_ == *after) << "the runtime's program was changed";
  }

 private:
  const std::string path_ = test::program_path("gantry-oci");
  std::string before_;
};

// runc CVE-2019-5736: exec runs what /proc/self/exe names, which is the runtime itself.
// Checked: with gantry_seal of seal.cpp returning at once.
TEST_F(CveProgramTest, Cve_2019_5736_ProgramThatAContainerSeesCannotBeWritten) {
  expect_only_its_own_is_written([&] { (void)runtime({"exec", test_id, "/proc/self/exe", "state", "x"}); });
}

// runc CVE-2019-5736: the image's program is a script whose interpreter is the runtime itself.
// Checked: as above.
TEST_F(CveProgramTest, Cve_2019_5736_ProgramThatNamesTheRuntimeAsInterpreterDoesNotGiveItAway) {
  ASSERT_OK(write_file(rootfs() + "/bin/evil", "#!/proc/self/exe\n", 0755));
  expect_only_its_own_is_written([&] { EXPECT_NE(runtime({"exec", test_id, "/bin/evil"}).status, 0); });
}

// cri-o CVE-2022-0811 and runc CVE-2025-52881.
// Checked: without check_key in plan_sysctls.
TEST_F(CveTest, Cve_2022_0811_SysctlsOfTheHostAreRefused) {
  const std::pair<const char*, const char*> cases[] = {
      {"kernel.core_pattern", "is not in a separate kernel namespace"},
      {"net.ipv4.ip_forward/../../../kernel/core_pattern", "sysctl"},
      {"net/../kernel/core_pattern", "sysctl"},
      {"kernel.hostname", "use the hostname field instead"},
  };
  for (const auto& [key, text] : cases) {
    const auto result =
        run({"echo", "ran"}, [&, name = key](auto& config) { config.linux_->sysctl[name] = "x"; });
    EXPECT_EQ(result.output, "") << key;
    EXPECT_THAT(result.errors, HasSubstr(text)) << key;
  }
  const auto lines =
      run({"echo", "ran"}, [](auto& config) { config.linux_->sysctl["kernel.shmmax"] = "1\n2"; });
  EXPECT_THAT(lines.errors, HasSubstr("the value must be one line"));
}

}  // namespace
}  // namespace gantry::runtime
