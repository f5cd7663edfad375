#include "tests/runtime/container_fixture.h"

#include <cstdio>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <unistd.h>

// Members of config.json that have no file of their own here. docs/runtime-spec.md names the test of each.

namespace gantry::runtime {
namespace {

using testing::HasSubstr;
using testing::Not;

class SpecFields : public Containers {
 protected:
  // The line of /proc/self/mountinfo for `place`, seen from inside.
  std::string mount_line(const std::string& place, const std::function<void(oci::RuntimeConfig&)>& change) {
    const auto result = run({"grep", " " + place + " ", "/proc/self/mountinfo"}, change);
    return result.output + result.errors;
  }
};

TEST_F(SpecFields, RootfsPropagationIsThatOfTheContainersRoot) {
  const std::pair<const char*, const char*> cases[] = {{"shared", " shared:"},
                                                       {"rshared", " shared:"},
                                                       {"unbindable", " unbindable"},
                                                       {"runbindable", " unbindable"}};
  for (const auto& [value, shown] : cases) {
    EXPECT_THAT(mount_line("/", [value = value](auto& config) { config.linux_->rootfs_propagation = value; }),
                HasSubstr(shown))
        << value;
  }
  for (const char* value : {"private", "rprivate"}) {
    const auto line =
        mount_line("/", [value = value](auto& config) { config.linux_->rootfs_propagation = value; });
    EXPECT_THAT(line, HasSubstr("/rootfs / ")) << value;
    EXPECT_THAT(line, Not(testing::ContainsRegex("shared:|master:|unbindable"))) << value;
  }
  for (const char* value : {"", "slave", "rslave"}) {
    const auto line =
        mount_line("/", [value = value](auto& config) { config.linux_->rootfs_propagation = value; });
    EXPECT_THAT(line, Not(HasSubstr("shared:"))) << value;
  }
  EXPECT_THAT(mount_line("/", [](auto& config) { config.linux_->rootfs_propagation = "up"; }),
              HasSubstr("config.json: $.linux.rootfsPropagation: unknown mount propagation \"up\""));
}

TEST_F(SpecFields, RemountChangesWhatIsMountedThere) {
  const auto line = mount_line("/scratch", [](auto& config) {
    config.mounts.push_back({"/scratch", "tmpfs", "tmpfs", {"size=64k", "nosuid"}, {}, {}});
    config.mounts.push_back({"/scratch", "tmpfs", "tmpfs", {"remount", "ro", "noexec", "size=128k"}, {}, {}});
  });
  EXPECT_THAT(line, HasSubstr(" /scratch ro,nosuid,noexec,"));
  EXPECT_THAT(line, HasSubstr("size=128k"));
  EXPECT_THAT(mount_line("/data",
                         [&](auto& config) {
                           config.mounts.push_back({"/data", "", rootfs(), {"bind"}, {}, {}});
                           config.mounts.push_back({"/data", "", "", {"bind", "remount", "ro"}, {}, {}});
                         }),
              HasSubstr(" /data ro,"));
  EXPECT_THAT(mount_line("/bin",
                         [](auto& config) {
                           config.mounts.push_back({"/bin", "", "", {"bind", "remount", "ro"}, {}, {}});
                         }),
              HasSubstr("mount /bin: remount: nothing is mounted there"));
}

TEST_F(SpecFields, EveryMountOptionOfTheSpecificationIsTaken) {
  for (const char* option : {"async",       "atime",       "defaults",       "dev",        "diratime",
                             "dirsync",     "exec",        "iversion",       "lazytime",   "loud",
                             "mand",        "noatime",     "nodev",          "nodiratime", "noexec",
                             "noiversion",  "nolazytime",  "nomand",         "norelatime", "nostrictatime",
                             "nosuid",      "nosymfollow", "private",        "ratime",     "rdev",
                             "rdiratime",   "relatime",    "rexec",          "rnoatime",   "rnodiratime",
                             "rnoexec",     "rnorelatime", "rnostrictatime", "rnosuid",    "rnosymfollow",
                             "ro",          "rprivate",    "rrelatime",      "rro",        "rrw",
                             "rshared",     "rslave",      "rstrictatime",   "rsuid",      "rsymfollow",
                             "runbindable", "rw",          "shared",         "silent",     "slave",
                             "strictatime", "suid",        "symfollow",      "sync",       "tmpcopyup",
                             "unbindable"}) {
    const auto result = run({"true"}, [&](auto& config) {
      config.mounts.push_back({"/scratch", "tmpfs", "tmpfs", {option}, {}, {}});
    });
    EXPECT_EQ(result.status, 0) << option << ": " << result.errors;
  }
}

TEST_F(SpecFields, RecursiveOptionsReachTheMountsBelow) {
  const auto result = run_shell("grep -E ' /data(/[a-z]+)? ' /proc/self/mountinfo", [](auto& config) {
    config.mounts.push_back({"/data", "", "/dev", {"rbind", "rro", "rnosuid", "rnoexec"}, {}, {}});
  });
  int below = 0;
  for (size_t at = 0; (at = result.output.find(" /data/", at)) != std::string::npos; ++at) {
    ++below;
    EXPECT_THAT(result.output.substr(at, result.output.find('\n', at) - at),
                testing::ContainsRegex("^ /data/[a-z]+ ro,nosuid,(nodev,)?noexec"));
  }
  if (below == 0) GTEST_SKIP() << "nothing is mounted below /dev on this host";
}

TEST_F(SpecFields, DevicesOfEachTypeAreMade) {
  const auto result =
      run_shell("stat -c '%F %t:%T %a %u:%g' /dev/one /dev/two /dev/three /dev/four", [](auto& config) {
        config.linux_->devices = {{"c", "/dev/one", 1, 3, 0640, 5, 6},
                                  {"u", "/dev/two", 1, 5, {}, {}, {}},
                                  {"b", "/dev/three", 7, 99, 0600, {}, {}},
                                  {"p", "/dev/four", 0, 0, 0622, 1, {}}};
      });
  EXPECT_EQ(result.output,
            "character special file 1:3 640 5:6\ncharacter special file 1:5 666 0:0\n"
            "block special file 7:63 600 0:0\nfifo 0:0 622 1:0\n")
      << result.errors;
}

// Without device_nodes.cpp the first is refused (the host has none), and the second is the host's.
TEST_F(SpecFields, DevicesInAUserNamespaceHaveTheirOwnersAndModes) {
  utsname system{};
  int major = 0;
  int minor = 0;
  ASSERT_EQ(::uname(&system), 0);
  ASSERT_EQ(std::sscanf(system.release, "%d.%d", &major, &minor), 2);
  if (major * 1000 + minor < 6015) GTEST_SKIP() << "open_tree(2) of what isn't attached came with Linux 6.15";
  const auto result = run_shell(
      "stat -c '%F %t:%T %a %u:%g' /dev/below/one /dev/zero; echo x > /dev/below/one && echo written",
      [](auto& config) {
        config.linux_->devices = {{"c", "/dev/below/one", 1, 3, 0622, 5, 6},
                                  {"c", "/dev/zero", 1, 5, 0640, 7, {}}};
        config.linux_->namespaces.push_back({oci::NamespaceType::user, {}});
        config.linux_->uid_mappings = {{0, 100000, 65536}};
        config.linux_->gid_mappings = {{0, 100000, 65536}};
      });
  EXPECT_EQ(result.output,
            "character special file 1:3 622 5:6\ncharacter special file 1:5 640 7:0\nwritten\n")
      << result.errors;
}

TEST_F(SpecFields, LimitsThatCgroupV2HasNotAreRefusedByName) {
  const std::pair<std::function<void(oci::LinuxResources&)>, const char*> cases[] = {
      {[](auto& r) {
         r.network.emplace();
         r.network->class_id = 7;
       },
       "$.linux.resources.network.classID can't be enforced"},
      {[](auto& r) {
         r.network.emplace();
         r.network->priorities = {{"eth0", 1}};
       },
       "$.linux.resources.network.priorities can't be enforced"},
      {[](auto& r) {
         r.memory.emplace();
         r.memory->swappiness = 60;
       },
       "$.linux.resources.memory.swappiness can't be enforced"},
      {[](auto& r) {
         r.memory.emplace();
         r.memory->disable_oom_killer = true;
       },
       "$.linux.resources.memory.disableOOMKiller can't be enforced"},
      {[](auto& r) {
         r.cpu.emplace();
         r.cpu->realtime_runtime = 1000;
       },
       "$.linux.resources.cpu.realtimeRuntime can't be enforced"},
  };
  for (const auto& [change, error] : cases) {
    const auto result = run({"true"}, [&change = change](auto& config) { change(config.linux_->resources); });
    EXPECT_EQ(result.status, 1) << error;
    EXPECT_THAT(result.errors, HasSubstr(error));
    EXPECT_TRUE(state_folders().empty()) << error;
  }
}

TEST_F(SpecFields, UnknownSystemCallsAreAnErrorOnlyForWhoAsksForIt) {
  for (const char* value : {"", "0", "1"}) {
    const auto result = run({"true"}, [&](auto& config) {
      config.linux_->seccomp = oci::SeccompProfile{};
      config.linux_->seccomp->syscalls = {{{"mkdir", "no_such_call"}, oci::SeccompAction::error, {}, {}}};
      if (*value != '\0') config.annotations["run.oci.seccomp_fail_unknown_syscall"] = value;
    });
    if (*value != '1') {
      EXPECT_EQ(result.status, 0) << result.errors;
      continue;
    }
    EXPECT_EQ(result.status, 1);
    EXPECT_THAT(result.errors,
                HasSubstr("config.json: $.linux.seccomp.syscalls[0]: unknown system call \"no_such_call\""));
  }
}

TEST_F(SpecFields, FeaturesSayWhatIsDone) {
  const std::string text = runtime({"features"}).output;
  for (const char* part :
       {"\"ociVersionMax\": \"1.3.0\"", "\"MPOL_WEIGHTED_INTERLEAVE\"", "\"MPOL_F_STATIC_NODES\"",
        "\"SCMP_ACT_NOTIFY\"", "\"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV\"", "\"idmap\"", "\"ridmap\"",
        "\"remount\"", "\"silent\"", "\"iversion\""}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
  std::string packed;
  for (const char c : text) {
    if (c != ' ' && c != '\n') packed += c;
  }
  for (const char* part :
       {"\"netDevices\":{\"enabled\":true}", "\"mountExtensions\":{\"idmap\":{\"enabled\":true}}",
        "\"intelRdt\":{\"enabled\":true,\"schemata\":true,\"monitoring\":true}",
        "\"selinux\":{\"enabled\":true}"}) {
    EXPECT_THAT(packed, HasSubstr(part));
  }
}

}  // namespace
}  // namespace gantry::runtime
