#include "runtime/monitor_client.h"
#include "tests/cli/cli_fixture.h"
#include "tests/cli/terminal.h"

#include <csignal>
#include <sys/wait.h>
#include <unistd.h>

namespace gantry {
namespace {

using testing::HasSubstr;

class ExecSession : public CliTest {
 protected:
  // Of exec sessions that are under way, or left something.
  static Words session_folders() {
    Words found;
    for (const auto& name : list_directory(sandbox_->run_root()).value_or({})) {
      if (path_exists(sandbox_->run_root() + "/" + name + "/process.json")) found.push_back(name);
    }
    return found;
  }
};

TEST_F(ExecSession, OutlivesItsKilledClient) {
  const std::string id = detached({"busybox:1", "sleep", "1000"});
  const auto is_there = [&](const char* file) { return gantry({"exec", id, "ls", file}).status == 0; };
  const std::string script =
      "touch /begun; until test -e /go; do sleep 0.05; done; echo nobody reads this; touch /done";
  for (const bool terminal : {false, true}) {
    std::unique_ptr<test::TerminalSession> session;
    const auto command = runner().command({"exec", terminal ? "-it" : "-i", id, "sh", "-c", script});
    if (terminal) {
      session = std::make_unique<test::TerminalSession>(command);
      EXPECT_TRUE(test::wait_until([&] { return is_there("/begun"); }));
      session.reset();  // kills the client, and closes its terminal
    } else {
      const pid_t client = runner().start({"exec", id, "sh", "-c", script}, sandbox_->root() + "/output");
      EXPECT_TRUE(test::wait_until([&] { return is_there("/begun"); }));
      ASSERT_EQ(::kill(client, SIGKILL), 0);
      waitpid(client, nullptr, 0);
    }
    gantry({"exec", id, "touch", "/go"});
    EXPECT_TRUE(test::wait_until([&] { return is_there("/done"); })) << "terminal: " << terminal;
    EXPECT_TRUE(test::wait_until([&] { return session_folders().empty(); })) << "the session left its folder";
    gantry({"exec", id, "busybox", "rm", "/begun", "/go", "/done"});
  }
}

TEST_F(ExecSession, GoesOnWithAnotherMonitorWhenItsOwnIsKilled) {
  const std::string id = detached({"busybox:1", "sleep", "1000"});
  const std::string output = sandbox_->root() + "/output";
  const pid_t client = runner().start(
      {"exec", id, "sh", "-c", "echo begun; until test -e /go; do sleep 0.05; done; touch /done"}, output);
  EXPECT_TRUE(test::wait_until([&] { return read_file(output).value_or("") == "begun\n"; }));
  ASSERT_EQ(session_folders().size(), 1u);
  const auto session = runtime::read_monitor_status(sandbox_->run_root() + "/" + session_folders()[0]);
  ASSERT_OK(session);
  ASSERT_EQ(::kill(session->monitor_pid, SIGKILL), 0);
  int status = 0;
  ASSERT_EQ(waitpid(client, &status, 0), client);
  EXPECT_EQ(WEXITSTATUS(status), 1);
  EXPECT_THAT(read_file(output).value_or(""), HasSubstr("nobody knows how the program ends"));
  gantry({"exec", id, "touch", "/go"});
  EXPECT_TRUE(test::wait_until([&] { return gantry({"exec", id, "ls", "/done"}).status == 0; }));
  EXPECT_TRUE(test::wait_until([&] { return session_folders().empty(); })) << "the session left its folder";
}

TEST_F(ExecSession, GetsSignalsAndABrokenPipe) {
  const std::string id = detached({"busybox:1", "sleep", "1000"});
  const std::string output = sandbox_->root() + "/output";
  const pid_t client = runner().start(
      {"exec", id, "sh", "-c", "trap 'exit 12' TERM; echo ready; while :; do sleep 0.05; done"}, output);
  EXPECT_TRUE(test::wait_until([&] { return read_file(output).value_or("") == "ready\n"; }));
  ASSERT_EQ(::kill(client, SIGTERM), 0);
  int status = 0;
  ASSERT_EQ(waitpid(client, &status, 0), client);
  EXPECT_EQ(WEXITSTATUS(status), 12);

  Command pipe;
  pipe.arguments = {"/bin/sh", "-c", "\"$@\" | head -n 1", "sh"};
  for (const auto& word : runner().command({"exec", id, "busybox", "yes"})) pipe.arguments.push_back(word);
  const auto read_once = run_command(pipe);
  ASSERT_OK(read_once);
  EXPECT_EQ(read_once->output, "y\n");
  EXPECT_TRUE(test::wait_until([&] {
    return gantry({"top", id}).output.find("yes") == std::string::npos;
  })) << "nobody reads it, and it runs on";
}

TEST_F(ExecSession, HasATerminalAlsoInTheBackground) {
  const std::string id = detached({"busybox:1", "sleep", "1000"});
  test::TerminalSession session(runner().command({"exec", "-it", id, "sh", "-c", "stty size; exit 9"}));
  EXPECT_EQ(session.wait(), 9);
  EXPECT_THAT(session.seen(), HasSubstr("30 100"));
  EXPECT_EQ(gantry({"exec", "-dt", id, "sh", "-c", "busybox tty >/tty.new; busybox mv /tty.new /tty"}).status,
            0);
  EXPECT_TRUE(test::wait_until([&] { return gantry({"exec", id, "ls", "/tty"}).status == 0; }));
  EXPECT_THAT(gantry({"exec", id, "cat", "/tty"}).output, HasSubstr("/dev/pts/"));
  EXPECT_TRUE(test::wait_until([&] { return session_folders().empty(); }));
}

}  // namespace
}  // namespace gantry
