#include "tests/runtime/kill_fixture.h"

#include "tests/runtime/own_mounts.h"
#include "tests/support/programs.h"

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <set>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace gantry::runtime {
namespace {

using testing::IsEmpty;

bool has_children() {
  int status = 0;
  pid_t pid = 0;
  while ((pid = ::waitpid(-1, &status, WNOHANG | __WALL)) > 0) {
  }
  return pid == 0;
}

std::string list_children() {
  return read_file(format("/proc/self/task/{}/children", ::gettid())).value_or("");
}

}  // namespace

void KilledAtEachCall::SetUp() {
  Containers::SetUp();
  if (IsSkipped()) return;
  ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  ASSERT_TRUE(take_own_mounts());
  mounts_ = read_file("/proc/self/mountinfo").value_or("");
}

void KilledAtEachCall::TearDown() {
  Containers::TearDown();
  (void)has_children();
  ::prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
}

std::vector<std::string> KilledAtEachCall::command(std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), {test::program_path("gantry-oci"), "--root", root()});
  return arguments;
}

int KilledAtEachCall::kill_everywhere(int stride, const std::function<void()>& prepare,
                                      const std::function<Killed(int)>& attempt) {
  constexpr int most = 20000;
  const char* wider = ::getenv("GANTRY_TEST_STRIDE");  // where each call takes long: under the sanitizers
  const int step = stride * (wider == nullptr ? 1 : std::max(1, std::atoi(wider)));
  files_ = files();
  for (int number = 1; number < most; number += step) {
    prepare();
    const auto killed = attempt(number);
    expect_nothing_is_left(number);
    if (HasFatalFailure()) return number;
    if (killed.reached) continue;
    EXPECT_EQ(killed.status, 0) << "nothing was in its way";
    return number / stride;
  }
  ADD_FAILURE() << "it doesn't end";
  return most;
}

void KilledAtEachCall::expect_nothing_is_left(int number) {
  const auto removed = runtime({"delete", "--force", test_id});
  ASSERT_EQ(removed.status, 0) << "call " << number << ": " << removed.errors;
  ASSERT_EQ(removed.errors, "") << "call " << number;
  ASSERT_THAT(state_folders(), IsEmpty()) << "call " << number;
  ASSERT_FALSE(path_exists(cgroup_directory(test_id))) << "call " << number;
  // Namespaces end with their last process, unless a mount holds them.
  ASSERT_TRUE(test::wait_until([] { return !has_children(); }))
      << "call " << number << ": processes " << list_children() << "live on";
  ASSERT_EQ(read_file("/proc/self/mountinfo").value_or(""), mounts_) << "call " << number;
  ASSERT_EQ(files(), files_) << "call " << number;
}

std::string KilledAtEachCall::files() {
  std::set<std::string> names;
  std::error_code ignored;
  for (auto entry = std::filesystem::recursive_directory_iterator(file(""), ignored);
       entry != std::filesystem::recursive_directory_iterator(); entry.increment(ignored)) {
    names.insert(entry->path().string());
  }
  std::string text;
  for (const auto& name : names) text += name + "\n";
  return text;
}

}  // namespace gantry::runtime
