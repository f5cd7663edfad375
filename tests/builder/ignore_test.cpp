#include "builder/ignore.h"

#include "tests/support/results.h"

namespace gantry::builder {
namespace {

using testing::HasSubstr;

TEST(PathPattern, MatchesComponents) {
  const std::tuple<const char*, const char*, bool> cases[] = {{"a", "a", true},
                                                              {"a", "b/a", false},
                                                              {"*.go", "x.go", true},
                                                              {"*.go", "d/x.go", false},
                                                              {"**/*.go", "x.go", true},
                                                              {"**/*.go", "a/b/x.go", true},
                                                              {"a/**", "a/b/c", true},
                                                              {"a/**", "a", false},
                                                              {"a/**/z", "a/z", true},
                                                              {"a/**/z", "a/b/c/z", true},
                                                              {"a/**/z", "a/bz", false},
                                                              {"a?c", "abc", true},
                                                              {"a?c", "a/c", false},
                                                              {"[a-c]", "b", true},
                                                              {"[^a-c]", "b", false},
                                                              {"[^a-c]", "/", true},
                                                              {"\\*", "*", true},
                                                              {"\\*", "x", false},
                                                              {"**", "a/b", true},
                                                              {"**foo", "barfoo", false},
                                                              {"**/foo", "barfoo", false},
                                                              {"a.b", "axb", false},
                                                              {"", "", true}};
  for (const auto& [pattern, path, expected] : cases) {
    EXPECT_EQ(PathPattern(pattern).matches(path), expected) << pattern << " on " << path;
  }
}

IgnoreRules rules(const char* text) {
  auto parsed = IgnoreRules::parse(text, ".dockerignore");
  EXPECT_OK(parsed);
  return std::move(parsed).value();
}

TEST(IgnoreRules, TakeWhatIsBelowAFolderToo) {
  const auto ignore = rules("# comment\n\n  node_modules/ \n/build\n");
  EXPECT_TRUE(ignore.ignores("node_modules"));
  EXPECT_TRUE(ignore.ignores("node_modules/a/b"));
  EXPECT_TRUE(ignore.ignores("build/x"));
  EXPECT_FALSE(ignore.ignores("src/build"));
  EXPECT_FALSE(ignore.has_exceptions());
}

TEST(IgnoreRules, LetTheLastRuleDecide) {
  const auto ignore = rules("*\n!src\nsrc/*.tmp\n!src/keep.tmp\n");
  EXPECT_TRUE(ignore.ignores("README.md"));
  EXPECT_FALSE(ignore.ignores("src"));
  EXPECT_FALSE(ignore.ignores("src/a.c"));
  EXPECT_TRUE(ignore.ignores("src/a.tmp"));
  EXPECT_FALSE(ignore.ignores("src/keep.tmp"));
  EXPECT_TRUE(ignore.has_exceptions());
}

TEST(IgnoreRules, CleanTheirPatterns) {
  const auto ignore = rules("./a/../b/\n.\n/\n");
  EXPECT_TRUE(ignore.ignores("b"));
  EXPECT_FALSE(ignore.ignores("a"));
}

TEST(IgnoreRules, RefuseAnExceptionWithoutAPattern) {
  EXPECT_ERROR(IgnoreRules::parse("a\n!\n", ".dockerignore"), ErrorKind::invalid,
               HasSubstr(".dockerignore:2"));
}

}  // namespace
}  // namespace gantry::builder
