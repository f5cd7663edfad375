#include "base/process.h"

#include "tests/support/results.h"

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
