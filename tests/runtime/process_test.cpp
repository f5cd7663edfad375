#include "base/text.h"
#include "runtime/terminal.h"
#include "tests/runtime/container_fixture.h"
#include "tests/support/programs.h"

#include <csignal>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace gantry::runtime {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST_F(Containers, ProgramHasTheUserGroupsUmaskDirectoryAndEnvironmentOfTheConfig) {
  const auto result = run_shell("id; umask; pwd; env", [](auto& config) {
    config.process->user = {1000, 100, 027, {5, 6}};
    config.process->cwd = "/made/by/runtime";
    config.process->env.push_back("A=1");
    config.process->env.push_back("A=2");
  });
  EXPECT_THAT(result.output, HasSubstr("uid=1000(user) gid=100 groups=5,6")) << result.errors;
  EXPECT_THAT(result.output, HasSubstr("0027"));
  EXPECT_THAT(result.output, HasSubstr("/made/by/runtime\n"));
  EXPECT_THAT(result.output, HasSubstr("A=2\n"));
  EXPECT_THAT(result.output, Not(HasSubstr("A=1\n")));
  EXPECT_THAT(result.output, HasSubstr("HOME=/home/user\n"));
}

TEST_F(Containers, CapabilitiesAreExactlyThoseOfTheFiveSets) {
  const auto result = run_shell("grep -E '^(Cap|NoNew)' /proc/self/status", [](auto& config) {
    config.process->user.uid = 1000;
    config.process->capabilities = oci::Capabilities{
        {"CAP_CHOWN", "CAP_KILL"}, {"CAP_KILL"}, {"CAP_KILL"}, {"CAP_CHOWN", "CAP_KILL"}, {"CAP_KILL"}};
  });
  for (const char* line :
       {"CapInh:\t0000000000000020", "CapPrm:\t0000000000000020", "CapEff:\t0000000000000020",
        "CapBnd:\t0000000000000021", "CapAmb:\t0000000000000020", "NoNewPrivs:\t1"}) {
    EXPECT_THAT(result.output, HasSubstr(line)) << result.errors;
  }
}

TEST_F(Containers, UnknownCapabilityIsAWarning) {
  const auto result =
      run({"true"}, [](auto& config) { config.process->capabilities->bounding.push_back("CAP_FOO"); });
  EXPECT_EQ(result.status, 0);
  EXPECT_THAT(result.errors, HasSubstr("unknown capability CAP_FOO in the bounding set"));
}

oci::SeccompProfile refusing(const std::string& call, uint32_t number) {
  oci::SeccompProfile profile;
  profile.syscalls.push_back({{call}, oci::SeccompAction::error, number, {}});
  return profile;
}

TEST_F(Containers, SeccompAnswersWithTheProfilesErrno) {
  for (const bool no_new_privileges : {true, false}) {
    for (int turn = 0; turn < 2; ++turn) {  // the second time from the cache
      const auto result = run_shell("mkdir /tmp/x; grep ^Seccomp: /proc/self/status", [&](auto& config) {
        config.process->no_new_privileges = no_new_privileges;
        config.linux_->seccomp = refusing("mkdir", 28);
      });
      EXPECT_THAT(result.errors, HasSubstr("No space left on device"));
      EXPECT_THAT(result.output, HasSubstr("Seccomp:\t2"));
    }
  }
  EXPECT_FALSE(list_directory(root() + "/seccomp@4").value_or({}).empty());
}

// Profiles that were written before close_range(2) refuse it with EPERM.
TEST_F(Containers, FiltersThatRefuseTheCallsOfOurOwnLastStepsLetTheProgramRun) {
  for (const bool no_new_privileges : {true, false}) {
    for (const bool capabilities : {true, false}) {
      const auto result = run({"echo", "ran"}, [&](auto& config) {
        config.process->no_new_privileges = no_new_privileges;
        if (!capabilities) config.process->capabilities.reset();
        config.linux_->seccomp = refusing("close_range", 1);
      });
      EXPECT_EQ(result.output, "ran\n") << no_new_privileges << capabilities << result.errors;
    }
  }
}

TEST_F(Containers, MissingDirectoryIsMadeInAReadOnlyRootToo) {
  const auto result = run({"pwd"}, [](auto& config) {
    config.root->readonly = true;
    config.process->cwd = "/made/by/runtime";
  });
  EXPECT_EQ(result.output, "/made/by/runtime\n") << result.errors;
}

TEST_F(Containers, StdioThatIsNoDeviceGetsTheProgramsUserAndGroup) {
  const auto result = run_shell("stat -L -c %u:%g /proc/self/fd/1", [](auto& config) {
    config.process->user = {1000, 100, {}, {}};
  });
  EXPECT_EQ(result.output, "1000:100\n") << result.errors;
}

TEST_F(Containers, CallersGroupsAreKeptWhereTheAnnotationSaysSo) {
  configure({"id", "-G"}, [](auto& config) { config.annotations["run.oci.keep_original_groups"] = "1"; });
  Command command;
  command.arguments = {"setpriv", "--groups", "0,77", test::program_path("gantry-oci"),
                       "--root",  root(),     "run",  "--bundle",
                       bundle(),  test_id};
  const auto result = run_command(command);
  ASSERT_OK(result);
  EXPECT_EQ(result->output, "0 77\n") << result->errors;
}

TEST_F(Containers, MaskedPathsAreEmptyAndReadonlyOnesRefuseWrites) {
  const auto result = run_shell(
      "wc -c </proc/secret; ls /secrets | wc -l; echo 1 >/proc/sys/kernel/domainname; touch /ro/x; touch "
      "/rw/x && echo "
      "rw",
      [&](auto& config) {
        ASSERT_OK(make_directories(rootfs() + "/secrets", 0755));
        ASSERT_OK(write_file(rootfs() + "/secrets/key", "secret", 0644));
        ASSERT_OK(make_directories(rootfs() + "/ro", 0755));
        ASSERT_OK(make_directories(rootfs() + "/rw", 0755));
        config.linux_->masked_paths = {"/proc/version", "/proc/cmdline", "/secrets", "/sys/firmware",
                                       "/nosuch"};
        config.linux_->readonly_paths = {"/proc/sys", "/ro", "/nosuch"};
        config.process->args = {"sh", "-c",
                                "cat /proc/version /proc/cmdline | wc -c; ls /secrets | wc -l; "
                                "echo 1 >/proc/sys/kernel/domainname; touch /ro/x; touch /rw/x && echo rw"};
      });
  EXPECT_EQ(result.output, "0\n0\nrw\n") << result.errors;
  EXPECT_THAT(result.errors, HasSubstr("/proc/sys/kernel/domainname: Read-only file system"));
  EXPECT_THAT(result.errors, HasSubstr("/ro/x: Read-only file system"));
}

TEST_F(Containers, MountsTakeTheirOptions) {
  ASSERT_OK(make_directories(file("source"), 0755));
  ASSERT_OK(write_file(file("source/f"), "from the host", 0644));
  const auto result =
      run_shell("cat /data/f; touch /data/x; mount | grep -E ' /(data|scratch) '", [&](auto& config) {
        config.mounts.push_back(
            {"/data", "none", file("source"), {"rbind", "ro", "nosuid", "noexec"}, {}, {}});
        config.mounts.push_back({"/scratch", "tmpfs", "tmpfs", {"size=64k", "nodev", "mode=700"}, {}, {}});
        config.root->readonly = true;
        ASSERT_OK(make_directories(rootfs() + "/data", 0755));
      });
  EXPECT_THAT(result.output, HasSubstr("from the host")) << result.errors;
  EXPECT_THAT(result.output, HasSubstr("(ro,nosuid,noexec"));
  EXPECT_THAT(result.output, HasSubstr("size=64k,mode=700"));
  EXPECT_THAT(result.errors, HasSubstr("/data/x: Read-only file system"));
}

TEST_F(Containers, RlimitsSysctlsHostnameAndOomScoreAreSet) {
  const auto result =
      run_shell("ulimit -n; cat /proc/sys/net/ipv4/ip_forward; hostname; cat /proc/self/oom_score_adj",
                [](auto& config) {
                  config.process->rlimits = {{"RLIMIT_NOFILE", 99, 100}};
                  config.linux_->sysctl["net.ipv4.ip_forward"] = "1";
                  config.hostname = "named";
                  config.process->oom_score_adj = 500;
                });
  EXPECT_EQ(result.output, "99\n1\nnamed\n500\n") << result.errors;
}

TEST_F(Containers, UserNamespaceMapsIds) {
  const auto result =
      run_shell("id -u; cat /proc/self/uid_map; echo >/dev/null; touch /tmp/mine", [](auto& config) {
        config.linux_->namespaces.push_back({oci::NamespaceType::user, {}});
        config.linux_->uid_mappings = {{0, 100000, 65536}};
        config.linux_->gid_mappings = {{0, 100000, 65536}};
        config.linux_->resources.devices.clear();
      });
  EXPECT_EQ(result.status, 0) << result.errors;
  EXPECT_THAT(result.output, HasSubstr("100000      65536"));
  struct stat info {};
  ASSERT_EQ(::stat((rootfs() + "/tmp/mine").c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, 100000U);
}

TEST_F(Containers, HostsDevicesInAUserNamespaceAreBoundWithoutSetuidAndExecution) {
  const auto result = run_shell("grep ' /dev/null ' /proc/self/mountinfo", [](auto& config) {
    config.linux_->namespaces.push_back({oci::NamespaceType::user, ""});
    config.linux_->uid_mappings = config.linux_->gid_mappings = {{0, 0, 65536}};
    config.linux_->resources.devices.clear();
  });
  EXPECT_THAT(result.output, HasSubstr("nosuid")) << result.errors;
  EXPECT_THAT(result.output, HasSubstr("noexec"));
}

TEST_F(Containers, DomainnameAndItsSysctlMaySayTheSame) {
  const auto result = run({"cat", "/proc/sys/kernel/domainname"}, [](auto& config) {
    config.domainname = "example";
    config.linux_->sysctl["kernel.domainname"] = "example";
  });
  EXPECT_EQ(result.output, "example\n") << result.errors;
}

TEST_F(Containers, NamespacesAreJoinedByPath) {
  configure({"sleep", "1000"}, [](auto& config) { config.hostname = "first"; });
  ASSERT_EQ(create("first").status, 0);
  const auto result = run_shell("hostname; readlink /proc/self/ns/net", [&](auto& config) {
    config.hostname.clear();
    for (auto& space : config.linux_->namespaces) {
      const std::string folder = format("/proc/{}/ns/", pid_of("first"));
      if (space.type == oci::NamespaceType::uts) space.path = folder + "uts";
      if (space.type == oci::NamespaceType::network) space.path = folder + "net";
    }
  });
  char link[64] = {};
  ASSERT_GT(::readlink(format("/proc/{}/ns/net", pid_of("first")).c_str(), link, sizeof link), 0);
  EXPECT_EQ(result.output, format("first\n{}\n", link)) << result.errors;
}

TEST_F(Containers, ExecTakesUserDirectoryEnvironmentAndTerminal) {
  configure({"sleep", "1000"});
  ASSERT_EQ(create(test_id).status, 0);
  ASSERT_EQ(runtime({"start", test_id}).status, 0);
  EXPECT_EQ(runtime({"exec", test_id, "sh", "-c", "exit 9"}).status, 9);
  const auto result = runtime({"exec", "-u", "1000:100", "--cwd", "/tmp", "-e", "A=b", test_id, "sh", "-c",
                               "id; pwd; echo $A $HOME"});
  EXPECT_THAT(result.output, HasSubstr("uid=1000(user) gid=100"));
  EXPECT_THAT(result.output, HasSubstr("/tmp\nb /home/user\n"));
  EXPECT_EQ(trim(runtime({"exec", "-t", test_id, "tty"}).output), "/dev/pts/0");
  const auto missing = runtime({"exec", test_id, "nosuch"});
  EXPECT_EQ(missing.status, 255);
  EXPECT_THAT(missing.errors, HasSubstr("exec failed: unable to start container process: exec: \"nosuch\": "
                                        "executable file not found in $PATH"));
  EXPECT_THAT(runtime({"exec", test_id}).errors, HasSubstr("exec args cannot be empty"));
  EXPECT_EQ(runtime({"exec", test_id, "cat", "/proc/1/comm"}).output, "sleep\n");
}

TEST_F(Containers, SignalsThatTheCallerIgnoresAreTheDefaultForTheProgram) {
  const auto before = std::signal(SIGUSR1, SIG_IGN);
  const auto before_real_time = std::signal(SIGRTMAX, SIG_IGN);
  const std::vector<std::string> program = {"grep", "SigIgn", "/proc/self/status"};
  EXPECT_EQ(run(program).output, "SigIgn:\t0000000000000000\n");
  configure({"sleep", "1000"});
  EXPECT_EQ(create(test_id).status, 0);
  EXPECT_EQ(runtime({"exec", test_id, "grep", "SigIgn", "/proc/self/status"}).output,
            "SigIgn:\t0000000000000000\n");
  std::signal(SIGUSR1, before);
  std::signal(SIGRTMAX, before_real_time);
}

TEST_F(Containers, ExecInAMissingFolderFailsAndMakesNone) {
  configure({"sleep", "1000"});
  ASSERT_EQ(create(test_id).status, 0);
  const auto missing = runtime({"exec", "--cwd", "/no/such", test_id, "pwd"});
  EXPECT_EQ(missing.status, 255);
  EXPECT_EQ(missing.output, "");
  EXPECT_THAT(missing.errors, HasSubstr("exec failed: unable to start container process: chdir to cwd "
                                        "/no/such: No such file or directory"));
  EXPECT_FALSE(path_exists(rootfs() + "/no"));
}

TEST_F(Containers, ExecJoinsTheContainersKeyringOnlyIfItHasOne) {
  for (const bool own : {true, false}) {
    const std::string id = format("{}-{}", own ? "own" : "callers", ::getpid());
    configure({"sleep", "1000"}, [](auto& config) { config.linux_->masked_paths.clear(); });
    auto arguments = std::vector<std::string>{"run", "--detach", "--bundle", bundle()};
    if (!own) arguments.push_back("--no-new-keyring");
    arguments.push_back(id);
    ASSERT_EQ(run_silently(arguments).status, 0);
    const bool joined =
        runtime({"exec", id, "cat", "/proc/keys"}).output.find("_ses." + id) != std::string::npos;
    EXPECT_EQ(joined, own);
  }
}

// crun CVE-2026-30892, runc CVE-2016-3697.
// Checked: with set_user of command_exec.cpp reading the id by atoi.
TEST_F(Containers, Cve_2026_30892_2016_3697_ExecUserIsNumbersOnly) {
  configure({"sleep", "1000"});
  ASSERT_EQ(create(test_id).status, 0);
  for (const char* user :
       {"1000x", " 1000", "-1", "4294967295", "4294967296", "root", "1:2:3", ":", "1:", ""}) {
    const auto result = runtime({"exec", "-u", user, test_id, "id"});
    EXPECT_EQ(result.status, 255) << user;
    EXPECT_EQ(result.output, "") << user;
  }
}

TEST_F(Containers, ExecUserWithoutAGroupKeepsTheContainersGroup) {
  configure({"sleep", "1000"}, [](auto& config) { config.process->user = {1000, 100, {}, {}}; });
  ASSERT_EQ(create(test_id).status, 0);
  EXPECT_EQ(runtime({"exec", "-u", "1001", test_id, "sh", "-c", "id -u; id -g"}).output, "1001\n100\n");
  EXPECT_EQ(runtime({"exec", "-u", "1001:0", test_id, "sh", "-c", "id -u; id -g"}).output, "1001\n0\n");
}

TEST_F(Containers, ExecRefusesACapabilityThatNobodyKnows) {
  configure({"sleep", "1000"});
  ASSERT_EQ(run_silently({"run", "--detach", "--bundle", bundle(), test_id}).status, 0);
  const auto result = runtime({"exec", "--cap", "CAP_FOO", test_id, "true"});
  EXPECT_EQ(result.status, 255);
  EXPECT_THAT(result.errors, HasSubstr("--cap: unknown capability \"CAP_FOO\""));
}

TEST_F(Containers, ExecRefusesFlagsThatTheProcessDocumentDecides) {
  configure({"sleep", "1000"});
  ASSERT_EQ(create(test_id).status, 0);
  ASSERT_OK(write_file(file("process"), R"({"args":["/bin/id"],"cwd":"/","user":{"uid":1000,"gid":100}})"));
  EXPECT_THAT(runtime({"exec", "--process", file("process"), test_id}).output,
              HasSubstr("uid=1000(user) gid=100"));
  const std::vector<std::string> cases[] = {
      {"--user", "0"},     {"--cwd", "/tmp"},        {"--env", "A=b"},
      {"--tty"},           {"--cap", "CAP_KILL"},    {"--no-new-privs"},
      {"--apparmor", "p"}, {"--process-label", "l"}, {"--additional-gids", "5"}};
  for (const auto& flags : cases) {
    std::vector<std::string> all = {"exec", "--process", file("process")};
    all.insert(all.end(), flags.begin(), flags.end());
    all.push_back(test_id);
    const auto result = runtime(all);
    EXPECT_EQ(result.output, "") << flags[0];
    EXPECT_THAT(result.errors, HasSubstr(flags[0] + " can't be given with --process: " + file("process")));
  }
}

TEST_F(Containers, ExecOfADocumentHasTheContainersOomScoreUnlessItSaysAnother) {
  configure({"sleep", "1000"}, [](auto& config) { config.process->oom_score_adj = 300; });
  ASSERT_EQ(create(test_id).status, 0);
  const auto score = [&](const std::string& member) {
    EXPECT_TRUE(write_file(file("process"),
                           R"({"args":["/bin/cat","/proc/self/oom_score_adj"],"cwd":"/")" + member + "}"));
    return runtime({"exec", "--process", file("process"), test_id}).output;
  };
  EXPECT_EQ(score(""), "300\n");
  EXPECT_EQ(score(R"(,"oomScoreAdj":400)"), "400\n");
}

TEST_F(Containers, ExecRefusesACgroupBelowThatOfAContainerWithoutOne) {
  configure({"sleep", "1000"});
  ASSERT_EQ(
      run_silently({"--cgroup-limits", "none", "run", "--detach", "--bundle", bundle(), test_id}).status, 0);
  for (const char* cgroup : {"/", "below", "../beside"}) {
    const auto result = runtime({"exec", "--cgroup", cgroup, test_id, "true"});
    EXPECT_EQ(result.status, 255) << cgroup;
    EXPECT_THAT(result.errors, HasSubstr(format("--cgroup \"{}\": the container has no cgroup", cgroup)));
  }
}

TEST_F(Containers, ExecNamesTheFlagOfAVariableWithoutAName) {
  configure({"sleep", "1000"});
  ASSERT_EQ(create(test_id).status, 0);
  for (const char* variable : {"A", "=b", ""}) {
    const auto result = runtime({"exec", "--env", variable, test_id, "true"});
    EXPECT_EQ(result.status, 255) << variable;
    EXPECT_THAT(result.errors, HasSubstr(format("--env must be NAME=VALUE, found \"{}\"", variable)));
  }
}

TEST_F(Containers, ExecTakesTtyBesideAProcessDocumentThatWantsATerminal) {
  configure({"sleep", "1000"});
  ASSERT_EQ(create(test_id).status, 0);
  ASSERT_OK(write_file(file("process"), R"({"terminal":true,"args":["/bin/tty"],"cwd":"/","user":{}})"));
  const auto result = runtime({"exec", "--process", file("process"), "--tty", test_id});
  EXPECT_EQ(result.status, 0) << result.errors;
  EXPECT_THAT(result.output, HasSubstr("/dev/pts/"));
}

UniqueFd listen_at(const std::string& path) {
  UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  EXPECT_LT(path.size(), sizeof address.sun_path);
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  EXPECT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(::listen(listener.get(), 1), 0);
  return listener;
}

// The pid of the pidfd that comes with the next connection, by its fdinfo.
std::string received_pid(const UniqueFd& listener) {
  const UniqueFd connection(::accept(listener.get(), nullptr, nullptr));
  const auto pidfd = receive_terminal(connection);
  if (!pidfd) return pidfd.error().message();
  const auto info = read_file(format("/proc/self/fdinfo/{}", pidfd->get()));
  const auto at = info->find("Pid:\t");
  return at == std::string::npos ? *info : info->substr(at + 5, info->find('\n', at) - at - 5);
}

TEST_F(Containers, PidfdOfInitGoesOverTheSocketsThatWereNamed) {
  const auto by_flag = listen_at(file("flag"));
  const auto by_annotation = listen_at(file("annotation"));
  configure({"sleep", "1000"},
            [&](auto& config) { config.annotations["run.oci.pidfd_receiver"] = file("annotation"); });
  const auto made =
      run_silently({"run", "--detach", "--bundle", bundle(), "--pidfd-socket", file("flag"), test_id});
  ASSERT_EQ(made.status, 0) << made.errors;
  EXPECT_EQ(received_pid(by_flag), std::to_string(pid_of(test_id)));
  EXPECT_EQ(received_pid(by_annotation), std::to_string(pid_of(test_id)));
  const auto exec = run_silently({"exec", "--detach", "--pidfd-socket", file("flag"), "--pid-file",
                                  file("pid"), test_id, "sleep", "1000"});
  ASSERT_EQ(exec.status, 0) << exec.errors;
  EXPECT_EQ(received_pid(by_flag), read_file(file("pid")).value_or("no pid"));
  const auto nobody = runtime({"run", "--bundle", bundle(), "--pidfd-socket", file("nobody"), "other"});
  EXPECT_THAT(nobody.errors, HasSubstr("pidfd socket: open"));
  EXPECT_THAT(state_folders(), testing::ElementsAre(testing::EndsWith(test_id)));
}

TEST_F(Containers, TerminalGoesOverTheConsoleSocket) {
  configure({"sh", "-c", "tty; sleep 1000"}, [](auto& config) {
    config.process->terminal = true;
    config.process->console_size = oci::Box{33, 77};
  });
  UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::snprintf(address.sun_path, sizeof address.sun_path, "%s", file("console").c_str());
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  const auto created =
      runtime({"create", "--bundle", bundle(), "--console-socket", file("console"), test_id});
  ASSERT_EQ(created.status, 0) << created.errors;
  UniqueFd connection(::accept(listener.get(), nullptr, nullptr));
  char name[64] = {};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  iovec data{name, sizeof name - 1};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ASSERT_GT(::recvmsg(connection.get(), &message, 0), 0);
  EXPECT_STREQ(name, "/dev/pts/0");
  ASSERT_NE(CMSG_FIRSTHDR(&message), nullptr);
  const UniqueFd master(*reinterpret_cast<int*>(CMSG_DATA(CMSG_FIRSTHDR(&message))));
  ASSERT_EQ(runtime({"start", test_id}).status, 0);
  char text[64] = {};
  ASSERT_GT(::read(master.get(), text, sizeof text - 1), 0);
  EXPECT_THAT(text, HasSubstr("/dev/pts/0"));
  EXPECT_EQ(runtime({"exec", test_id, "sh", "-c", "stty size </dev/console"}).output, "33 77\n");
  EXPECT_THAT(runtime({"create", "--bundle", bundle(), "other"}).errors,
              HasSubstr("cannot allocate tty if gantry-oci will detach without setting console socket"));
}

}  // namespace
}  // namespace gantry::runtime
