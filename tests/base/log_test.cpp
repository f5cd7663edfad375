#include "base/log.h"

#include "base/files.h"
#include "base/json.h"
#include "tests/support/results.h"

namespace gantry {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

struct Line {
  std::string level;
  std::string message;
};
template <class Visitor>
void members(Visitor& visit, Line& line) {
  visit.required("level", line.level);
  visit.required("msg", line.message);
}

class Log : public testing::Test {
 protected:
  void SetUp() override {
    auto made = TemporaryDirectory::make();
    ASSERT_OK(made);
    folder_.emplace(std::move(made).value());
    options_.file = join_path(folder_->path(), "log");
  }
  std::string logged() const { return read_file(options_.file).value(); }

  std::optional<TemporaryDirectory> folder_;
  LogOptions options_;
};

TEST_F(Log, WritesLevelProgramAndTextAndHidesSecrets) {
  ASSERT_OK(set_up_logging("log-text", options_));
  log::info("logged in user={} password={}", "AWS", Secret("hunter2"));
  EXPECT_THAT(logged(), EndsWith("Z info log-text: logged in user=AWS password=***\n"));
}

TEST_F(Log, LeavesOutWhatIsBelowItsLevel) {
  options_.level = "warning";
  ASSERT_OK(set_up_logging("log-level", options_));
  log::info("not this");
  log::error("but this");
  EXPECT_THAT(logged(), HasSubstr("but this"));
  EXPECT_THAT(logged(), Not(HasSubstr("not this")));
}

TEST_F(Log, WritesJsonWhateverTheTextHolds) {
  options_.json = true;
  ASSERT_OK(set_up_logging("log-json", options_));
  log::warning("file not read path={} error=\"{}\"", "a\\b\n", "no \"such\" file");
  const auto line = parse_json<Line>(logged(), "log");
  ASSERT_OK(line);
  EXPECT_EQ(line->level, "warning");
  EXPECT_EQ(line->message, "file not read path=a\\b\n error=\"no \"such\" file\"");
}

TEST_F(Log, RefusesAnUnknownLevel) {
  options_.level = "loud";
  EXPECT_THAT(set_up_logging("log-unknown", options_).error().message(), HasSubstr("found \"loud\""));
}

}  // namespace
}  // namespace gantry
