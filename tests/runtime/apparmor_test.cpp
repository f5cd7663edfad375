#include "tests/runtime/container_fixture.h"

// For the guest, whose kernel has AppArmor.

namespace gantry::runtime {
namespace {

using testing::HasSubstr;

class AppArmor : public Containers {
 protected:
  void SetUp() override {
    Containers::SetUp();
    if (IsSkipped()) return;
    if (read_file("/sys/module/apparmor/parameters/enabled").value_or("") != "Y\n") {
      GTEST_SKIP() << "needs a kernel with AppArmor enabled";
    }
  }
};

TEST_F(AppArmor, ProfileIsAskedForAtExecve) {
  const std::vector<std::string> program = {"cat", "/proc/self/attr/apparmor/current"};
  const auto result = run(program, [](auto& config) { config.process->apparmor_profile = "unconfined"; });
  EXPECT_EQ(result.output, "unconfined\n") << result.errors;
  const auto missing = run(program, [](auto& config) { config.process->apparmor_profile = "nosuch"; });
  EXPECT_EQ(missing.status, 1);
  EXPECT_THAT(missing.errors, HasSubstr("apparmor profile nosuch: No such file or directory"));
  EXPECT_TRUE(state_folders().empty());
}

TEST_F(AppArmor, ExecTakesAProfileOfItsOwn) {
  configure({"sleep", "1000"});
  ASSERT_EQ(create(test_id).status, 0);
  EXPECT_EQ(runtime({"exec", "--apparmor", "unconfined", test_id, "true"}).status, 0);
  EXPECT_THAT(runtime({"exec", "--apparmor", "nosuch", test_id, "true"}).errors,
              HasSubstr("apparmor profile nosuch: No such file or directory"));
}

}  // namespace
}  // namespace gantry::runtime
