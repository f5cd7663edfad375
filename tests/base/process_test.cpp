#include "base/process.h"

#include "tests/support/results.h"

#include <sys/wait.h>
#include <unistd.h>

namespace gantry {
namespace {

using testing::HasSubstr;

TEST(Process, RunGivesInputAndCollectsBothOutputs) {
  const auto result =
      run_command({.arguments = {"sh", "-c", "cat; echo oops >&2; exit 3"}, .input = "hello"});
  ASSERT_OK(result);
  EXPECT_EQ(result->status, 3);
  EXPECT_EQ(result->output, "hello");
  EXPECT_EQ(result->errors, "oops\n");
}

TEST(Process, RunSurvivesAChildThatReadsNothing) {
  const auto result = run_command({.arguments = {"true"}, .input = std::string(1 << 20, 'x')});
  ASSERT_OK(result);
  EXPECT_EQ(result->status, 0);
}

TEST(Process, RunKillsAtTheLimit) {
  EXPECT_ERROR(run_command({.arguments = {"sleep", "100"}, .limit = std::chrono::milliseconds(50)}),
               ErrorKind::timeout, HasSubstr("sleep did not end within 50 ms"));
}

TEST(Process, RunOfAMissingProgramIsNotFound) {
  EXPECT_ERROR(run_command({.arguments = {"/no/such"}}), ErrorKind::not_found, HasSubstr("/no/such"));
}

TEST(Process, CheckQuotesTheLastLineOfStderr) {
  EXPECT_ERROR(check_command({.arguments = {"sh", "-c", "echo first >&2; echo last >&2; exit 2"}}),
               ErrorKind::system, HasSubstr("status 2: last"));
}

TEST(UnreapedWaitStatus, TellsHowAProcessEndedWithoutReapingIt) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(7);
  const auto identity = identify_process(child);
  ASSERT_OK(identity);
  siginfo_t info{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);
  const auto status = unreaped_wait_status(*identity);
  ASSERT_OK(status);
  EXPECT_EQ(WEXITSTATUS(*status), 7);
  EXPECT_ERROR(unreaped_wait_status({child, identity->start_time + 1}), ErrorKind::not_found, testing::_);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_ERROR(unreaped_wait_status(*identity), ErrorKind::not_found, testing::_);
}

TEST(Process, IdentityTellsAReusedPidApart) {
  auto self = identify_process(::getpid());
  ASSERT_OK(self);
  EXPECT_TRUE(is_alive(*self));
  EXPECT_OK(open_process(*self));
  self->start_time += 1;
  EXPECT_FALSE(is_alive(*self));
  EXPECT_ERROR(open_process(*self), ErrorKind::not_found, HasSubstr("no such process"));
}

}  // namespace
}  // namespace gantry
