#pragma once

#include "base/files.h"
#include "base/text.h"
#include "tests/cli/gantry_runner.h"
#include "tests/support/results.h"
#include "tests/support/wait.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace gantry {

using Words = std::vector<std::string>;

// The real gantry in a sandbox of the suite, with the image busybox:1.
class CliTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!test::can_run_containers()) return;
    ASSERT_OK(test::isolate());
    auto made = test::Sandbox::make();
    ASSERT_OK(made);
    sandbox_ = std::make_unique<test::Sandbox>(std::move(made).value());
    const auto imported =
        gantry({"import", "--change", "ENV FROM_IMAGE=yes", sandbox_->busybox(), "busybox:1"});
    ASSERT_EQ(imported.status, 0) << imported.errors;
  }
  static void TearDownTestSuite() { sandbox_.reset(); }

  void SetUp() override {
    if (!sandbox_) GTEST_SKIP() << "needs root and a static busybox";
  }

  void TearDown() override {
    if (!sandbox_) return;
    for (const auto& id : split(gantry({"ps", "-aq"}).output, '\n')) {
      if (!id.empty()) gantry({"rm", "-f", "-v", id});
    }
    // A monitor's own clean-up may still be at it.
    EXPECT_TRUE(
        test::wait_until([] { return list_directory(sandbox_->root() + "/containers").value().empty(); }));
  }

  static test::GantryRunner runner() { return test::GantryRunner(*sandbox_); }
  static CommandResult gantry(Words words, const std::string& input = {}) {
    return runner().run(std::move(words), input);
  }
  static CommandResult run(Words words) {
    Words all = {"run", "--rm", "--network", "none", "busybox:1"};
    all.insert(all.end(), words.begin(), words.end());
    return gantry(all);
  }
  static std::string detached(Words words) {
    Words all = {"run", "-d", "--network", "none"};
    all.insert(all.end(), words.begin(), words.end());
    const auto done = gantry(all);
    EXPECT_EQ(done.status, 0) << done.errors;
    return std::string(trim(done.output));
  }
  static std::string field(const std::string& name, const std::string& path) {
    return std::string(trim(gantry({"inspect", "-f", "{{" + path + "}}", name}).output));
  }

  static inline std::unique_ptr<test::Sandbox> sandbox_;
};

}  // namespace gantry
