#include "builder/expand.h"

#include "tests/support/results.h"

namespace gantry::builder {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const Variables variables = {{"a", "1"}, {"empty", ""}, {"path", "/usr/local/lib.tar.gz"}, {"words", "x  y"}};

TEST(Expand, ReplacesVariablesAndTakesQuotesOff) {
  const std::pair<const char*, const char*> cases[] = {
      {"plain", "plain"},
      {"$a", "1"},
      {"${a}b", "1b"},
      {"$ab", ""},
      {"x$a-y", "x1-y"},
      {"\\$a", "$a"},
      {"'$a'", "$a"},
      {"\"$a b\"", "1 b"},
      {"\"\\$a \\\" \\n\"", "$a \" \\n"},
      {"$", "$"},
      {"a$", "a$"},
      {"$/x", "$/x"},
      {"${none:-d}", "d"},
      {"${empty:-d}", "d"},
      {"${empty-d}", ""},
      {"${none-d}", "d"},
      {"${a:-d}", "1"},
      {"${a:+d}", "d"},
      {"${empty:+d}", ""},
      {"${empty+d}", "d"},
      {"${none+d}", ""},
      {"${none:-${a}}", "1"},
      {"${none:-\"q $a\"}", "q 1"},
      {"${a:?gone}", "1"},
      {"${path#/usr}", "/local/lib.tar.gz"},
      {"${path#*/}", "usr/local/lib.tar.gz"},
      {"${path##*/}", "lib.tar.gz"},
      {"${path%.*}", "/usr/local/lib.tar"},
      {"${path%%.*}", "/usr/local/lib"},
      {"${path/local/share}", "/usr/share/lib.tar.gz"},
      {"${path//\\//_}", "_usr_local_lib.tar.gz"},
      {"${path/none/x}", "/usr/local/lib.tar.gz"},
      {"a\\ b", "a b"},
      {"$1", ""},
  };
  for (const auto& [word, expected] : cases) {
    SCOPED_TRACE(word);
    const auto expanded = expand(word, variables, '\\');
    ASSERT_OK(expanded);
    EXPECT_EQ(*expanded, expected);
  }
}

TEST(Expand, RefusesWhatIsBroken) {
  for (const char* word :
       {"${a", "${", "${}", "${:x}", "'a", "\"a", "${a:x}", "${a^^}", "${none:-", "${path/x"}) {
    SCOPED_TRACE(word);
    EXPECT_ERROR(expand(word, variables, '\\'), ErrorKind::invalid, testing::_);
  }
  EXPECT_ERROR(expand("${none:?is needed}", variables, '\\'), ErrorKind::invalid,
               HasSubstr("none: is needed"));
}

TEST(Expand, SplitsWordsOfAValueUnlessQuoted) {
  const auto plain = expand_words("$words z", variables, '\\');
  ASSERT_OK(plain);
  EXPECT_THAT(*plain, ElementsAre("x", "y", "z"));
  const auto quoted = expand_words("\"$words\" 'a b'c", variables, '\\');
  ASSERT_OK(quoted);
  EXPECT_THAT(*quoted, ElementsAre("x  y", "a bc"));
}

TEST(Expand, LeavesTheQuotesOfAHeredoc) {
  const auto text = expand_heredoc("it's \"$a\" \\$a \\n\n", variables, '\\');
  ASSERT_OK(text);
  EXPECT_EQ(*text, "it's \"1\" $a \\n\n");
}

TEST(Expand, UsesTheFilesEscapeCharacter) {
  EXPECT_EQ(expand("`$a c:\\x", variables, '`').value_or("error"), "$a c:\\x");
}

TEST(ShellPattern, MatchesAsAShellDoes) {
  const std::tuple<const char*, const char*, bool> cases[] = {
      {"*", "", true},        {"*", "a/b", true},       {"a?c", "abc", true},     {"a?c", "ac", false},
      {"[a-c]x", "bx", true}, {"[!a-c]x", "bx", false}, {"[^a-c]x", "dx", true},  {"\\*", "*", true},
      {"\\*", "a", false},    {"[", "[", true},         {"a*b*c", "aXbYc", true}, {"a*b*c", "aXbY", false},
      {"", "", true},         {"", "a", false},         {"[]]", "]", true}};
  for (const auto& [pattern, text, expected] : cases) {
    EXPECT_EQ(matches_shell_pattern(pattern, text), expected) << pattern << " on " << text;
  }
}

}  // namespace
}  // namespace gantry::builder
