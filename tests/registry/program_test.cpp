// gantry-registry as a process: its flags, and kill -9.

#include "base/process.h"
#include "tests/registry/fixture.h"
#include "tests/support/programs.h"
#include "tests/support/results.h"
#include "tests/support/wait.h"

#include <csignal>
#include <sys/wait.h>
#include <unistd.h>

namespace gantry::registry::test {
namespace {

using gantry::test::wait_until;
using testing::HasSubstr;

const std::string program = gantry::test::program_path("gantry-registry");

class Program : public RegistryTest {
 protected:
  Program() { stop(); }  // the fixture's own: the process takes over its data and port
  ~Program() override { kill_it(SIGKILL); }

  void spawn() {
    pid_ = fork();
    if (pid_ == 0) {
      const auto listen = host();
      const auto credentials = join_path(folder_->path(), "credentials");
      execl(program.c_str(), program.c_str(), "--listen", listen.c_str(), "--data", options_.data.c_str(),
            "--credentials", credentials.c_str(), "--log-level", "error", nullptr);
      _exit(127);
    }
    EXPECT_TRUE(wait_until([&] { return bool(client_.send({.url = url("/health")})); }));
  }
  int kill_it(int signal) {
    if (pid_ <= 0) return -1;
    kill(pid_, signal);
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = 0;
    return status;
  }

  pid_t pid_ = 0;
};

TEST_F(Program, SaysWhatItIsAndWhatIsWrong) {
  EXPECT_THAT(run_command({.arguments = {program, "--version"}})->output, HasSubstr("gantry-registry "));
  EXPECT_THAT(run_command({.arguments = {program, "--help"}})->output, HasSubstr("--events-endpoint URL"));
  const auto unknown = run_command({.arguments = {program, "--x"}});
  EXPECT_EQ(unknown->status, 2);
  EXPECT_EQ(unknown->errors, "gantry-registry: unknown option \"--x\" (see gantry-registry --help)\n");
  const auto missing = run_command({.arguments = {program, "--credentials", "/nonexistent"}});
  EXPECT_EQ(missing->status, 1);
  EXPECT_THAT(missing->errors, HasSubstr("credentials file /nonexistent: No such file or directory"));
}

TEST_F(Program, LosesNothingToKill9) {
  spawn();
  create_repository("app");
  const auto digest = push_image("app", "v1", "layer");
  const auto begun = send("POST", "/v2/app/blobs/uploads/");
  EXPECT_EQ(send("PATCH", begun.headers.get("Location"), "half").status, 202);
  kill_it(SIGKILL);
  spawn();
  EXPECT_EQ(get("/v2/app/manifests/v1").headers.get("Docker-Content-Digest"), digest);
  EXPECT_EQ(get("/v2/app/blobs/" + digest_of("layer")).body, "layer");
  EXPECT_EQ(send("PUT", begun.headers.get("Location") + "?digest=" + digest_of("half done"), " done").status,
            201);
}

TEST_F(Program, EndsOnSigterm) {
  spawn();
  const int status = kill_it(SIGTERM);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(Program, LetsOnlyOneRunOnAFolder) {
  spawn();
  const auto second = run_command({.arguments = {program, "--listen", "127.0.0.1:0", "--data", options_.data,
                                                 "--credentials", join_path(folder_->path(), "credentials")},
                                   .limit = std::chrono::seconds(20)});
  ASSERT_OK(second);
  EXPECT_EQ(second->status, 1);
  EXPECT_THAT(second->errors, HasSubstr("another registry is running on it"));
}

}  // namespace
}  // namespace gantry::registry::test
