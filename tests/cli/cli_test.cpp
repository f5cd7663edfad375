#include "base/files.h"
#include "base/text.h"
#include "runtime/monitor_client.h"
#include "tests/cli/cli_fixture.h"
#include "tests/cli/terminal.h"
#include "tests/support/wait.h"

#include <arpa/inet.h>
#include <csignal>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace gantry {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
TEST_F(CliTest, RunGivesTheProgramsOwnCodeAndOutput) {
  EXPECT_EQ(run({"true"}).status, 0);
  EXPECT_EQ(run({"sh", "-c", "exit 3"}).status, 3);
  EXPECT_EQ(run({"sh", "-c", "sh -c 'kill -9 $$'; exit $?"}).status, 137);
  const auto done = run({"sh", "-c", "echo out; echo err >&2; echo $FROM_IMAGE"});
  EXPECT_EQ(done.output, "out\nyes\n");
  EXPECT_EQ(done.errors, "err\n");
  EXPECT_EQ(gantry({"ps", "-aq"}).output, "") << "--rm left a container";
}

TEST_F(CliTest, RunCodesOfFailures) {
  struct Case {
    Words words;
    int status;
    std::string text;
  };
  const Case cases[] = {
      {{"run", "--rm", "--network", "none", "busybox:1", "/no/such"}, 127, "/no/such"},
      {{"run", "--rm", "--network", "none", "busybox:1", "nosuch"}, 127, "executable file not found"},
      {{"run", "--rm", "--network", "none", "busybox:1", "/etc/not-a-program"}, 126, "ermission denied"},
      {{"run", "--rm", "--pull", "never", "nosuch:1"}, 125, "no such image"},
      {{"run", "--nosuch", "busybox:1"}, 125, "unknown flag: --nosuch"},
      {{"run", "-p", "99999:80", "busybox:1"}, 125, "99999"},
      {{"run", "--rm", "--userns", "host", "busybox:1"}, 125, "unknown flag: --userns"},
      {{"run", "--rm", "--security-opt", "apparmor=x", "busybox:1"}, 125, "not supported"},
      {{"run", "--rm", "--network", "none", "-u", "ghost", "busybox:1", "true"},
       125,
       "unable to find user ghost"},
      {{"run"}, 1, "requires at least 1 argument"},
      {{"nosuch"}, 1, "unknown command: gantry nosuch"},
      {{"stop", "nosuch"}, 1, "gantry: no such container: nosuch"},
      {{"logs", "nosuch"}, 1, "gantry: no such container: nosuch"},
      {{"exec", "nosuch", "true"}, 1, "gantry: no such container: nosuch"},
      {{"rmi", "nosuch"}, 1, "no such image: nosuch"},
      {{"inspect", "nosuch"}, 1, "no such object: nosuch"}};
  for (const auto& one : cases) {
    const auto done = gantry(one.words);
    EXPECT_EQ(done.status, one.status) << join(one.words, " ") << ": " << done.errors;
    EXPECT_THAT(done.errors, HasSubstr(one.text)) << join(one.words, " ");
  }
  EXPECT_EQ(gantry({"ps", "-aq"}).output, "") << "a failed run left a container";
}

TEST_F(CliTest, AProgramThatCantRunIsOneErrorOfDockersForm) {
  const Words once = {"run", "--rm", "--network", "none", "busybox:1"};
  const std::string id = detached({"busybox:1", "sleep", "1000"});
  struct Case {
    std::string program;
    int status;
    std::string text;
  };
  const Case cases[] = {{"nosuch", 127, "exec: \"nosuch\": executable file not found in $PATH"},
                        {"/no/such", 127, "exec: \"/no/such\": stat /no/such: no such file or directory"},
                        {"/etc/not-a-program", 126, "exec: \"/etc/not-a-program\": permission denied"}};
  for (const auto& one : cases) {
    Words words = once;
    words.push_back(one.program);
    const auto ran = gantry(words);
    EXPECT_EQ(ran.status, one.status) << ran.errors;
    EXPECT_EQ(ran.errors, "gantry: unable to start container process: " + one.text + "\n");
    const auto executed = gantry({"exec", id, one.program});
    EXPECT_EQ(executed.status, one.status) << executed.errors;
    EXPECT_EQ(executed.output, "");
    EXPECT_EQ(executed.errors, "gantry: exec failed: unable to start container process: " + one.text + "\n");
  }
}

TEST_F(CliTest, InfoTakesDockersTemplates) {
  EXPECT_EQ(gantry({"info", "--format", "{{.ServerVersion}} {{.DockerRootDir}} {{.CgroupVersion}}"}).output,
            GANTRY_VERSION " " + sandbox_->root() + " 2\n");
  EXPECT_THAT(gantry({"info", "-f", "json"}).output, HasSubstr("\"Images\":1,"));
  EXPECT_EQ(gantry({"info", "-f", "{{.Swarm}}"}).errors, "gantry: template: .Swarm: there is no \"Swarm\"\n");
}

TEST_F(CliTest, ContainerInspectLooksOnlyAmongContainers) {
  EXPECT_EQ(gantry({"inspect", "busybox:1"}).status, 0);
  const auto done = gantry({"container", "inspect", "busybox:1"});
  EXPECT_EQ(done.status, 1);
  EXPECT_EQ(done.errors, "gantry: no such container: busybox:1\n");
}

TEST_F(CliTest, StdinReachesTheProgram) {
  const auto done = gantry({"run", "-i", "--rm", "--network", "none", "busybox:1", "cat"}, "typed\n");
  EXPECT_EQ(done.status, 0) << done.errors;
  EXPECT_EQ(done.output, "typed\n");
}

TEST_F(CliTest, PsListsAndFilters) {
  const std::string id = detached({"--name", "web", "--label", "a=b", "busybox:1", "sleep", "1000"});
  EXPECT_EQ(id.size(), 64u);
  EXPECT_EQ(gantry({"ps", "-q"}).output, id.substr(0, 12) + "\n");
  EXPECT_EQ(gantry({"ps", "-q", "--no-trunc"}).output, id + "\n");
  EXPECT_THAT(gantry({"ps"}).output, HasSubstr("Up "));
  EXPECT_THAT(gantry({"ps"}).output, HasSubstr("CONTAINER ID   IMAGE"));
  EXPECT_THAT(gantry({"ps", "--format", "json"}).output, HasSubstr("\"Names\":\"web\""));
  EXPECT_EQ(gantry({"ps", "--format", "{{.Names}} {{.State}}"}).output, "web running\n");
  EXPECT_EQ(gantry({"ps", "-q", "-f", "label=a=b"}).output, id.substr(0, 12) + "\n");
  EXPECT_EQ(gantry({"ps", "-q", "-f", "label=a=c"}).output, "");
  EXPECT_EQ(gantry({"ps", "-f", "nosuch=1"}).status, 125);
  EXPECT_EQ(field("web", ".State.Status"), "running");
}

TEST_F(CliTest, LogsFollowUntilTheEnd) {
  const std::string id = detached({"busybox:1", "sh", "-c", "for i in 1 2 3; do echo $i; sleep 0.2; done"});
  const auto followed = gantry({"logs", "-f", id});
  EXPECT_EQ(followed.status, 0);
  EXPECT_EQ(followed.output, "1\n2\n3\n");
  EXPECT_EQ(gantry({"logs", "--tail", "2", id}).output, "2\n3\n");
  EXPECT_THAT(gantry({"logs", "-t", "-n", "1", id}).output, testing::ContainsRegex("^20.*Z 3\n"));
  EXPECT_EQ(gantry({"logs", "--since", "1h", id}).output, "1\n2\n3\n");
  EXPECT_EQ(gantry({"logs", "--until", "1h", id}).output, "");
}

TEST_F(CliTest, LogsAreRotatedAndReadInOrder) {
  const std::string id =
      detached({"--log-opt", "max-size=2k", "--log-opt", "max-file=3", "busybox:1", "seq", "1", "60"});
  ASSERT_EQ(gantry({"wait", id}).output, "0\n");
  const auto lines = split(trim(gantry({"logs", id}).output), '\n');
  ASSERT_GT(lines.size(), 20u);
  EXPECT_EQ(lines.back(), "60");
  for (size_t i = 1; i < lines.size(); ++i) EXPECT_EQ(std::stoi(lines[i]), std::stoi(lines[i - 1]) + 1);
}

TEST_F(CliTest, LogDriversKeepShowOrSayWhoDoes) {
  const std::string id = detached({"--log-driver", "cri", "busybox:1", "sh", "-c", "echo out; echo err >&2"});
  ASSERT_EQ(gantry({"wait", id}).output, "0\n");
  EXPECT_EQ(gantry({"logs", id}).output, "out\n");
  EXPECT_EQ(gantry({"logs", id}).errors, "err\n");
  EXPECT_EQ(field(id, ".HostConfig.LogConfig.Type"), "cri");
  const auto journal =
      gantry({"create", "--log-driver", "journald", "--log-opt", "tag=x", "busybox:1", "true"});
  ASSERT_EQ(journal.status, 0) << journal.errors;
  EXPECT_THAT(gantry({"logs", std::string(trim(journal.output))}).errors,
              HasSubstr("journalctl CONTAINER_ID_FULL="));
  const std::vector<std::pair<std::vector<std::string>, const char*>> refused = {
      {{"--log-driver", "syslog"}, "\"syslog\" is not supported"},
      {{"--log-opt", "tag=x"}, "tag is for journald only"},
      {{"--log-driver", "journald", "--log-opt", "tag={{.Nosuch}}"}, "is none of {{.ID}}"},
      {{"--log-driver", "journald", "--log-opt", "max-size=1m"}, "max-size is for json-file and cri only"},
      {{"--log-opt", "compress=true"}, "--log-opt compress is not supported"}};
  for (auto [flags, text] : refused) {
    flags.insert(flags.begin(), "create");
    flags.insert(flags.end(), {"busybox:1", "true"});
    const auto done = gantry(flags);
    EXPECT_EQ(done.status, 125) << text;
    EXPECT_THAT(done.errors, HasSubstr(text));
  }
}

TEST_F(CliTest, MonitorIsUpgradedWhileItsContainerRuns) {
  const std::string id = detached({"busybox:1", "sleep", "1000"});
  const auto done = gantry({"monitor", "upgrade", id});
  EXPECT_EQ(done.status, 0) << done.errors;
  EXPECT_EQ(field(id, ".State.Status"), "running");
  EXPECT_EQ(gantry({"rm", "-f", id}).status, 0);
  EXPECT_THAT(gantry({"monitor", "upgrade", id}).errors, HasSubstr("no such container"));
}

TEST_F(CliTest, ExecRunsInsideWithUserEnvironmentAndFolder) {
  const std::string id = detached({"busybox:1", "sleep", "1000"});
  const auto done =
      gantry({"exec", "-u", "web", "-w", "/tmp", "-e", "X=1", id, "sh", "-c", "id -u; pwd; echo $X; exit 4"});
  EXPECT_EQ(done.status, 4) << done.errors;
  EXPECT_EQ(done.output, "1000\n/tmp\n1\n");
  EXPECT_EQ(gantry({"exec", "-i", id, "cat"}, "in\n").output, "in\n");
  EXPECT_EQ(gantry({"exec", id, "/no/such"}).status, 127);
  EXPECT_EQ(gantry({"exec", "-u", "ghost", id, "true"}).status, 126);
  const auto nowhere = gantry({"exec", "-w", "/no/such", id, "true"});
  EXPECT_EQ(nowhere.status, 126);
  EXPECT_THAT(to_lower(nowhere.errors), HasSubstr("chdir to cwd /no/such: no such file or directory"));
  EXPECT_EQ(gantry({"exec", "-d", id, "touch", "/tmp/made"}).status, 0);
  EXPECT_TRUE(test::wait_until([&] { return gantry({"exec", id, "ls", "/tmp/made"}).status == 0; }));
}

TEST_F(CliTest, StopStartKillRestartAndWait) {
  const std::string id = detached({"--stop-timeout", "0", "busybox:1", "sleep", "1000"});
  EXPECT_EQ(gantry({"stop", id}).output, id + "\n");
  EXPECT_EQ(gantry({"wait", id}).output, "137\n");
  EXPECT_EQ(gantry({"start", id}).status, 0);
  const std::string before = field(id, ".State.Pid");
  EXPECT_EQ(gantry({"restart", "-t", "0", id}).status, 0);
  EXPECT_NE(field(id, ".State.Pid"), before);
  EXPECT_EQ(gantry({"rm", id}).status, 1);
  EXPECT_EQ(gantry({"kill", id}).status, 0);
  EXPECT_EQ(gantry({"wait", id}).output, "137\n");
  EXPECT_EQ(gantry({"kill", id}).status, 1);
  EXPECT_EQ(gantry({"rm", id}).status, 0);
}

TEST_F(CliTest, PublishedPortIsReachableAndOneInUseIsRefused) {
  const auto first = gantry({"run", "-d", "--name", "first", "-p", "18080:80", "busybox:1", "httpd", "-f",
                             "-p", "80", "-h", "/etc"});
  ASSERT_EQ(first.status, 0) << first.errors;
  const auto fetch = [] {
    Command wget;
    wget.arguments = {"/bin/busybox", "wget", "-q", "-O", "-", "http://127.0.0.1:18080/group"};
    wget.limit = std::chrono::seconds(10);
    const auto result = run_command(wget);
    return result ? result->output : result.error().message();
  };
  EXPECT_TRUE(test::wait_until([&] { return fetch().find("staff") != std::string::npos; })) << fetch();
  EXPECT_THAT(gantry({"ps"}).output, HasSubstr("0.0.0.0:18080->80/tcp"));
  const auto second =
      gantry({"run", "-d", "--name", "second", "-p", "18080:80", "busybox:1", "sleep", "1000"});
  EXPECT_EQ(second.status, 125);
  EXPECT_THAT(second.errors, HasSubstr("18080"));
  EXPECT_EQ(gantry({"rm", "-f", "first"}).status, 0);
  const auto again = gantry({"run", "--rm", "--name", "second", "-p", "18080:80", "busybox:1", "true"});
  EXPECT_EQ(again.status, 0) << "the port or the name wasn't freed: " << again.errors;
}

TEST_F(CliTest, APortThatAHostProgramHasIsRefused) {
  const UniqueFd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(18081);
  ASSERT_EQ(bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(listen(listener.get(), 1), 0);
  const auto done = gantry({"run", "--rm", "-p", "18081:80", "busybox:1", "true"});
  EXPECT_EQ(done.status, 125);
  EXPECT_THAT(done.errors, HasSubstr("18081"));
  EXPECT_EQ(gantry({"ps", "-aq"}).output, "");
}

TEST_F(CliTest, APortIsFreeAsSoonAsItsContainerHasEnded) {
  const std::string id = runner().id_of({"run", "-d", "-p", "18082:80", "busybox:1", "true"});
  ASSERT_EQ(gantry({"wait", id}).output, "0\n");
  EXPECT_EQ(gantry({"run", "--rm", "-p", "18082:80", "busybox:1", "true"}).status, 0);
}

TEST_F(CliTest, ATerminalIsATerminal) {
  test::TerminalSession session(
      runner().command({"run", "-it", "--rm", "--network", "none", "busybox:1", "sh"}));
  ASSERT_TRUE(session.expect("# ")) << session.seen();
  session.type("stty size; echo is-$((40+2))\n");
  ASSERT_TRUE(session.expect("is-42")) << session.seen();
  EXPECT_THAT(session.seen(), HasSubstr("30 100"));
  session.type("exit 6\n");
  EXPECT_EQ(session.wait(), 6);
}

// Longer than the 5 s after which the monitor gives up a client that only watches.
TEST_F(CliTest, ReaderThatPausesGetsAllThatATerminalPrinted) {
  Command command;
  command.arguments = {"/bin/sh", "-c", "\"$@\" | { sleep 6; wc -c; }", "sh"};
  for (auto& word : runner().command(
           {"run", "-t", "--rm", "--network", "none", "busybox:1", "head", "-c", "300000", "/dev/zero"})) {
    command.arguments.push_back(std::move(word));
  }
  const auto done = run_command(command);
  ASSERT_OK(done);
  EXPECT_EQ(trim(done->output), "300000") << done->errors;
}

TEST_F(CliTest, CidFileIsThereOnlyForAContainerThatIs) {
  const std::string file = sandbox_->folder() + "/cid";
  const auto run = [&](Words words) {
    words.insert(words.begin(), {"run", "--network", "none", "--cidfile", file});
    return gantry(words);
  };
  EXPECT_EQ(run({"--pull", "never", "nosuch:1", "true"}).status, 125);
  EXPECT_FALSE(path_exists(file)) << "the image is missing";
  EXPECT_EQ(run({"busybox:1", "/no/such"}).status, 127);
  EXPECT_FALSE(path_exists(file)) << "the program is missing";
  EXPECT_EQ(run({"--rm", "busybox:1", "/no/such"}).status, 127);
  EXPECT_FALSE(path_exists(file)) << "the program is missing, with --rm";
  ASSERT_EQ(run({"busybox:1", "false"}).status, 1);
  const std::string id = read_file(file).value_or("");
  EXPECT_EQ(field(id, ".Id"), id);
  const auto again = run({"busybox:1", "true"});
  EXPECT_EQ(again.status, 125);
  EXPECT_THAT(again.errors, HasSubstr("container ID file found"));
  EXPECT_EQ(read_file(file).value_or(""), id);
}

TEST_F(CliTest, DetachKeysLeaveItRunning) {
  test::TerminalSession session(
      runner().command({"run", "-it", "--name", "term", "--network", "none", "busybox:1", "sh"}));
  ASSERT_TRUE(session.expect("# ")) << session.seen();
  session.type("\x10\x11");
  EXPECT_EQ(session.wait(), 0);
  EXPECT_EQ(field("term", ".State.Running"), "true");
  test::TerminalSession again(runner().command({"attach", "term"}));
  again.type("echo back-$((1+1))\n");
  ASSERT_TRUE(again.expect("back-2")) << again.seen();
  again.type("exit 0\n");
  EXPECT_EQ(again.wait(), 0);
}

TEST_F(CliTest, AKilledCommandLineLeavesTheContainerRunning) {
  const std::string output = sandbox_->folder() + "/output";
  const pid_t pid = runner().start(
      {"run", "--name", "stays", "--network", "none", "busybox:1", "sh", "-c", "echo up; sleep 1000"},
      output);
  ASSERT_TRUE(
      test::wait_until([&] { return read_file(output).value_or("").find("up") != std::string::npos; }));
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
  EXPECT_EQ(field("stays", ".State.Status"), "running");
  EXPECT_EQ(gantry({"logs", "stays"}).output, "up\n");
}

TEST_F(CliTest, AMonitorKilledWithItsGuardLeavesAStoppedContainer) {
  const std::string id = detached({"busybox:1", "sleep", "1000"});
  const std::string directory = sandbox_->root() + "/containers/" + id;
  const auto status = runtime::read_monitor_status(directory);
  ASSERT_OK(status);
  // Stopped, it can't make itself another guard.
  ASSERT_EQ(::kill(status->monitor_pid, SIGSTOP), 0);
  ASSERT_EQ(::kill(status->guard_pid, SIGKILL), 0);
  ASSERT_EQ(::kill(status->monitor_pid, SIGKILL), 0);
  EXPECT_TRUE(test::wait_until([&] { return field(id, ".State.Status") == "exited"; }));
  EXPECT_EQ(field(id, ".State.ExitCode"), "255");
  EXPECT_THAT(gantry({"ps", "-a"}).output, HasSubstr("Exited (255)"));
  EXPECT_EQ(gantry({"rm", id}).status, 0);
}

TEST_F(CliTest, SignalsGoToTheContainer) {
  const std::string output = sandbox_->folder() + "/signals";
  const pid_t pid = runner().start({"run", "--rm", "--network", "none", "busybox:1", "sh", "-c",
                                    "trap 'exit 9' TERM; echo up; while :; do sleep 0.1; done"},
                                   output);
  ASSERT_TRUE(
      test::wait_until([&] { return read_file(output).value_or("").find("up") != std::string::npos; }));
  kill(pid, SIGTERM);
  int status = 0;
  waitpid(pid, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 9);
}

TEST_F(CliTest, MemoryIsRefusedWhereItCantBeEnforcedAndBestEffortRuns) {
  if (test::host_enforces_memory()) GTEST_SKIP() << "this host enforces memory limits";
  const auto refused = gantry({"run", "--rm", "-m", "64m", "busybox:1", "true"});
  EXPECT_EQ(refused.status, 125);
  EXPECT_THAT(refused.errors, HasSubstr("--memory: this host can't enforce it"));
  EXPECT_THAT(refused.errors, HasSubstr("--cgroup-limits best-effort"));
  EXPECT_EQ(gantry({"ps", "-aq"}).output, "");
  const auto careless = gantry({"--cgroup-limits", "best-effort", "run", "--rm", "--network", "none", "-m",
                                "64m", "--cpus", "0.5", "--pids-limit", "50", "busybox:1", "echo", "ran"});
  EXPECT_EQ(careless.output, "ran\n") << careless.errors;
  EXPECT_THAT(gantry({"info"}).output, HasSubstr("memory     not enforced"));
}

TEST_F(CliTest, ImagesAreListedTaggedAndRemoved) {
  EXPECT_THAT(gantry({"images"}).output, HasSubstr("busybox      1"));
  ASSERT_EQ(gantry({"tag", "busybox:1", "localhost:5000/other:2"}).status, 0);
  EXPECT_THAT(gantry({"images"}).output, HasSubstr("localhost:5000/other"));
  EXPECT_THAT(gantry({"image", "inspect", "-f", "{{index .RepoTags \"0\"}}", "busybox:1"}).output,
              Not(IsEmpty()));
  EXPECT_THAT(gantry({"rmi", "localhost:5000/other:2"}).output,
              HasSubstr("Untagged: localhost:5000/other:2"));
  EXPECT_THAT(gantry({"images"}).output, Not(HasSubstr("localhost:5000/other")));
}

TEST_F(CliTest, PasswordOnTheCommandLineIsRefused) {
  const auto done = gantry({"login", "-u", "me", "-p", "secret", "127.0.0.1:1"});
  EXPECT_EQ(done.status, 125);
  EXPECT_THAT(done.errors, HasSubstr("--password-stdin"));
  EXPECT_THAT(done.errors, Not(HasSubstr("secret"))) << "it may end up in a log";
}

}  // namespace
}  // namespace gantry
