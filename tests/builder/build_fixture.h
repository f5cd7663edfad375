#pragma once

#include "base/files.h"
#include "base/text.h"
#include "tests/cli/gantry_runner.h"
#include "tests/support/results.h"
#include "tests/support/wait.h"

#include <memory>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace gantry {

using Words = std::vector<std::string>;

// The real gantry in a sandbox of the suite, with the image busybox:1, and a context for each test.
class BuildTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!test::can_run_containers()) return;
    ASSERT_OK(test::isolate());
    auto made = test::Sandbox::make();
    ASSERT_OK(made);
    sandbox_ = std::make_unique<test::Sandbox>(std::move(made).value());
    const auto imported = gantry({"import", "--change", "CMD [\"sh\"]", sandbox_->busybox(), "busybox:1"});
    ASSERT_EQ(imported.status, 0) << imported.errors;
  }
  static void TearDownTestSuite() { sandbox_.reset(); }

  void SetUp() override {
    if (!sandbox_) GTEST_SKIP() << "needs root and a static busybox";
    auto made = TemporaryDirectory::make();
    ASSERT_OK(made);
    context_ = std::make_unique<TemporaryDirectory>(std::move(made).value());
  }
  void TearDown() override {
    if (!sandbox_) return;
    // No step's folder stays.
    EXPECT_EQ(list_directory(sandbox_->root() + "/containers").value(), Words());
  }

  static CommandResult gantry(Words words, const std::string& input = {}) {
    return test::GantryRunner(*sandbox_).run(std::move(words), input);
  }
  static CommandResult gantry_with(const Words& environment, Words words) {
    Command command;
    command.arguments = {"env"};
    command.arguments.insert(command.arguments.end(), environment.begin(), environment.end());
    const auto all = test::GantryRunner(*sandbox_).command(std::move(words));
    command.arguments.insert(command.arguments.end(), all.begin(), all.end());
    command.limit = std::chrono::seconds(120);
    return run_command(command).value();
  }

  std::string path(const std::string& name) const { return join_path(context_->path(), name); }
  void put(const std::string& name, const std::string& text, mode_t mode = 0644) const {
    ASSERT_OK(make_directories(path(name).substr(0, path(name).rfind('/')), 0755));
    ASSERT_OK(write_file(path(name), text, mode));
    ASSERT_EQ(chmod(path(name).c_str(), mode), 0);
  }
  CommandResult build(const std::string& dockerfile, Words more = {}) const {
    put("Dockerfile", dockerfile);
    Words words = {"build", "--network", "none"};
    words.insert(words.end(), more.begin(), more.end());
    words.push_back(context_->path());
    return gantry(words);
  }
  // Builds image:1 and says the id.
  std::string must_build(const std::string& dockerfile, Words more = {}) const {
    more.insert(more.end(), {"-t", "image:1"});
    const auto built = build(dockerfile, std::move(more));
    EXPECT_EQ(built.status, 0) << built.errors;
    return std::string(trim(built.output));
  }
  static std::string run(Words words, const std::string& image = "image:1") {
    Words all = {"run", "--rm", "--network", "none", image};
    all.insert(all.end(), words.begin(), words.end());
    const auto done = gantry(all);
    return done.output + done.errors;
  }
  static std::string shell(const std::string& script) { return run({"sh", "-c", script}); }
  static std::string inspect(const std::string& field, const std::string& image = "image:1") {
    return std::string(trim(gantry({"image", "inspect", "-f", field, image}).output));
  }

  static inline std::unique_ptr<test::Sandbox> sandbox_;
  std::unique_ptr<TemporaryDirectory> context_;
};

}  // namespace gantry
