#include "registry/tokens.h"

#include "base/files.h"
#include "tests/support/results.h"

#include <sys/stat.h>

namespace gantry::registry::test {
namespace {

using testing::HasSubstr;

class Tokens : public testing::Test {
 protected:
  Result<TokenAuthority> open(const std::string& name = "key") {
    return TokenAuthority::open(join_path(folder_->path(), name), std::chrono::minutes(1), clock_);
  }
  Result<TemporaryDirectory> folder_ = TemporaryDirectory::make();
  ManualClock clock_{TimePoint(std::chrono::seconds(1795510800))};
};

TEST_F(Tokens, HoldForTheirLifetimeAndOverARestart) {
  const auto token = open()->issue("AKID");
  EXPECT_EQ(open()->check(token.text).value_or(""), "AKID");
  clock_.advance(std::chrono::seconds(59));
  EXPECT_OK(open()->check(token.text));
  clock_.advance(std::chrono::seconds(1));
  EXPECT_ERROR(open()->check(token.text), ErrorKind::unauthenticated, HasSubstr("has expired"));
}

TEST_F(Tokens, CannotBeMadeUp) {
  auto token = open()->issue("AKID").text;
  EXPECT_ERROR(open("other")->check(token), ErrorKind::unauthenticated, HasSubstr("is not valid"));
  auto prolonged = token;
  ++prolonged[9];
  EXPECT_ERROR(open()->check(prolonged), ErrorKind::unauthenticated, HasSubstr("is not valid"));
  for (const auto* bad : {"", ".", "gantry1.1.a", "x"}) {
    EXPECT_ERROR(open()->check(bad), ErrorKind::unauthenticated, HasSubstr("is not valid"));
  }
}

TEST_F(Tokens, KeepTheirKeyPrivate) {
  ASSERT_OK(open());
  struct stat status {};
  ASSERT_EQ(stat(join_path(folder_->path(), "key").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  ASSERT_OK(write_file(join_path(folder_->path(), "short"), "x"));
  EXPECT_ERROR(open("short"), ErrorKind::invalid, HasSubstr("token key"));
}

}  // namespace
}  // namespace gantry::registry::test
