#include "tests/builder/build_fixture.h"

#include <algorithm>
#include <csignal>
#include <sys/wait.h>

namespace gantry {
namespace {

using testing::HasSubstr;

class BuildKillTest : public BuildTest {
 protected:
  // Starts a build whose RUN writes a line and then sleeps; returns once the line is there.
  pid_t start_sleeping() const {
    put("Dockerfile", "FROM busybox:1\nRUN echo begun && sleep 1000\n");
    const pid_t pid =
        test::GantryRunner(*sandbox_).start({"build", "--network", "none", context_->path()}, path("log"));
    EXPECT_TRUE(test::wait_until([&] {
      const std::string log = read_file(path("log")).value_or("");
      return log.find(" begun\n") != std::string::npos;
    })) << read_file(path("log")).value_or("");
    return pid;
  }
  static bool nothing_left() {
    const std::string mounts = read_file("/proc/self/mounts").value_or("");
    const Words states = list_directory(sandbox_->run_root() + "/runtime").value();
    const bool stateless =
        std::none_of(states.begin(), states.end(), [](const auto& id) { return id.size() == 64; });
    return list_directory(sandbox_->root() + "/containers").value().empty() && stateless &&
           mounts.find(sandbox_->root()) == std::string::npos;
  }
};

TEST_F(BuildKillTest, TheNextCommandTakesAwayWhatAKilledBuildLeft) {
  const pid_t pid = start_sleeping();
  ASSERT_EQ(kill(pid, SIGKILL), 0);
  ASSERT_EQ(waitpid(pid, nullptr, 0), pid);
  EXPECT_TRUE(test::wait_until([] {
    const auto listed = gantry({"ps", "-aq"});
    return listed.status == 0 && listed.output.empty() && nothing_left();
  }));
  must_build("FROM busybox:1\nRUN echo again > /x\n");
  EXPECT_EQ(run({"cat", "/x"}), "again\n");
}

TEST_F(BuildKillTest, AnotherCommandLeavesARunningBuildAlone) {
  put("Dockerfile",
      "FROM busybox:1\nRUN --mount=type=cache,id=go,target=/c echo begun && until [ -e /c/go ]; do sleep "
      "0.1; done\n");
  const pid_t pid =
      test::GantryRunner(*sandbox_).start({"build", "--network", "none", context_->path()}, path("log"));
  ASSERT_TRUE(test::wait_until(
      [&] { return read_file(path("log")).value_or("").find(" begun\n") != std::string::npos; }));
  EXPECT_EQ(gantry({"ps", "-aq"}).output, "");
  EXPECT_EQ(gantry({"image", "prune"}).status, 0);
  EXPECT_EQ(gantry({"builder", "prune", "--all"}).status, 0);
  must_build("FROM busybox:1\nRUN --mount=type=cache,id=go,target=/c touch /c/go\n");
  int status = 0;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << read_file(path("log")).value_or("");
}

TEST_F(BuildKillTest, AnInterruptEndsTheBuildInOrder) {
  const pid_t pid = start_sleeping();
  ASSERT_EQ(kill(pid, SIGINT), 0);
  int status = 0;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 1);
  EXPECT_THAT(read_file(path("log")).value_or(""), HasSubstr("the build was cancelled"));
  EXPECT_TRUE(nothing_left());
}

}  // namespace
}  // namespace gantry
