#include "tests/runtime/container_fixture.h"

// The texts and exit codes that podman, containerd and docker match, in runc's words: each command on a
// container in each state.

namespace gantry::runtime {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

struct Row {
  std::vector<std::string> command;
  int status;
  std::string error;  // how stderr begins, behind the program's name; empty: it is empty
};

class ClientErrors : public Containers {
 protected:
  void expect(const std::vector<Row>& rows) {
    for (const auto& row : rows) {
      const auto done = runtime(row.command);
      const std::string line = row.command[0] + " " + row.command.back();
      EXPECT_EQ(done.status, row.status) << line << ": " << done.errors;
      if (row.error.empty()) {
        EXPECT_EQ(done.errors, "") << line;
      } else {
        EXPECT_THAT(done.errors, StartsWith("gantry-oci: " + row.error)) << line;
      }
    }
  }
  const std::string id = test_id;
};

TEST_F(ClientErrors, OfAContainerThatIsNotThere) {
  const std::string missing = "container does not exist: nosuch";
  expect({{{"state", "nosuch"}, 1, missing},
          {{"start", "nosuch"}, 1, missing},
          {{"kill", "nosuch"}, 1, missing},
          {{"kill", "--all", "nosuch", "KILL"}, 1, missing},
          {{"delete", "nosuch"}, 1, missing},
          {{"delete", "--force", "nosuch"}, 0, ""},
          {{"ps", "nosuch"}, 1, missing},
          {{"pause", "nosuch"}, 1, missing},
          {{"resume", "nosuch"}, 1, missing},
          {{"events", "--stats", "nosuch"}, 1, missing},
          {{"update", "--pids-limit", "9", "nosuch"}, 1, missing},
          {{"checkpoint", "nosuch"}, 1, missing},
          {{"exec", "nosuch", "true"}, 255, "exec failed: " + missing},
          {{"list", "-q"}, 0, ""}});
}

TEST_F(ClientErrors, OfACreatedOne) {
  configure({"sleep", "1000"});
  ASSERT_EQ(create(id).status, 0);
  expect({{{"create", "--bundle", bundle(), id}, 1, "container with given ID already exists"},
          {{"run", "--bundle", bundle(), id}, 1, "container with given ID already exists"},
          {{"resume", id}, 1, "container not paused"},
          {{"checkpoint", id},
           1,
           "checkpoint container " + id + ": container cannot be checkpointed in created state"},
          {{"delete", id}, 0, ""}});
}

TEST_F(ClientErrors, OfARunningOne) {
  configure({"sleep", "1000"});
  ASSERT_EQ(create(id).status, 0);
  ASSERT_EQ(runtime({"start", id}).status, 0);
  const std::string no_socket = "without setting console socket";
  expect({{{"start", id}, 1, "cannot start an already running container"},
          {{"delete", id}, 1, "cannot delete container " + id + " that is not stopped: running"},
          {{"resume", id}, 1, "container not paused"},
          {{"kill", id, "FOO"}, 1, "unknown signal \"FOO\""},
          {{"kill", id, "0x9"}, 1, "unknown signal \"0x9\""},
          {{"exec", id}, 255, "exec failed: exec args cannot be empty"},
          {{"exec", id, "nosuch"},
           255,
           "exec failed: unable to start container process: exec: \"nosuch\": executable file not found in "
           "$PATH"},
          {{"exec", id, "/nosuch"},
           255,
           "exec failed: unable to start container process: exec: \"/nosuch\": stat /nosuch: no such file or "
           "directory"},
          {{"exec", id, "/etc/passwd"},
           255,
           "exec failed: unable to start container process: exec: \"/etc/passwd\": permission denied"},
          {{"exec", "--cwd", "tmp", id, "true"}, 255, "exec failed: --cwd: Cwd must be an absolute path"},
          {{"exec", "--tty", "--detach", id, "true"},
           255,
           "exec failed: cannot allocate tty if gantry-oci will detach " + no_socket},
          {{"exec", "--console-socket", "/x", id, "true"},
           255,
           "exec failed: cannot use console socket if gantry-oci will not detach or allocate tty"},
          {{"exec", "--user", "1000x", id, "true"}, 255, "exec failed: --user: uid"},
          {{"exec", id, "sh", "-c", "exit 7"}, 7, ""},
          {{"exec", id, "sh", "-c", "kill -9 $$"}, 137, ""},
          {{"kill", id, "sigCont"}, 0, ""},
          {{"kill", id, "18"}, 0, ""},
          {{"kill", id, "0"}, 0, ""}});
}

TEST_F(ClientErrors, OfAPausedOne) {
  configure({"sleep", "1000"});
  ASSERT_EQ(create(id).status, 0);
  ASSERT_EQ(runtime({"start", id}).status, 0);
  ASSERT_EQ(runtime({"pause", id}).status, 0);
  expect({{{"pause", id}, 1, "container not running"},
          {{"start", id}, 1, "cannot start an already running container"},
          {{"delete", id}, 1, "cannot delete container " + id + " that is not stopped: paused"},
          {{"exec", id, "true"},
           255,
           "exec failed: cannot exec in a paused container (use --ignore-paused to override)"},
          {{"resume", id}, 0, ""},
          {{"resume", id}, 1, "container not paused"},
          {{"delete", "--force", id}, 0, ""}});
}

TEST_F(ClientErrors, OfAStoppedOne) {
  configure({"true"});
  ASSERT_EQ(create(id).status, 0);
  ASSERT_EQ(runtime({"start", id}).status, 0);
  ASSERT_TRUE(test::wait_until([&] { return status(id) == "stopped"; }));
  expect({{{"start", id}, 1, "cannot start a container that has stopped"},
          {{"kill", id}, 1, "container not running"},
          {{"kill", id, "0"}, 1, "container not running"},
          {{"kill", id, "KILL"}, 1, "container not running"},
          {{"kill", "--all", id, "KILL"}, 0, ""},
          {{"pause", id}, 1, "container not running"},
          {{"resume", id}, 1, "container not paused"},
          {{"ps", id}, 1, "container not running"},
          {{"update", "--pids-limit", "9", id}, 1, "container not running"},
          {{"events", "--stats", id}, 1, "container with id " + id + " is not running"},
          {{"exec", id, "true"}, 255, "exec failed: cannot exec in a stopped container"},
          {{"delete", id}, 0, ""},
          {{"delete", id}, 1, "container does not exist: " + id}});
}

TEST_F(ClientErrors, OfATerminalThatNobodyTakes) {
  configure({"true"}, [](auto& config) { config.process->terminal = true; });
  expect({{{"create", "--bundle", bundle(), id},
           1,
           "cannot allocate tty if gantry-oci will detach without setting console socket"},
          {{"run", "--detach", "--bundle", bundle(), id},
           1,
           "cannot allocate tty if gantry-oci will detach without setting console socket"}});
  configure({"true"});
  expect({{{"create", "--console-socket", "/x", "--bundle", bundle(), id},
           1,
           "cannot use console socket if gantry-oci will not detach or allocate tty"}});
  EXPECT_TRUE(state_folders().empty());
}

}  // namespace
}  // namespace gantry::runtime
