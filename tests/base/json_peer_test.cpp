#include "base/json.h"
#include "tests/support/results.h"

#include <nlohmann/json.hpp>
#include <random>

// base/json against nlohmann's parser, which many use: the same texts are JSON to both, and mean the same.

namespace gantry {
namespace {

struct Whole {
  RawJson value;
};

template <class Visitor>
void members(Visitor& visit, Whole& whole) {
  visit("value", whole.value);
}

// Absent: not JSON.
std::optional<nlohmann::json> as_peer_sees(const std::string& text) {
  auto value = nlohmann::json::parse(text, nullptr, false);
  if (value.is_discarded()) return std::nullopt;
  return value;
}

bool is_about_our_own_rules(const std::string& message) {
  for (const char* rule : {"stands twice", "NUL character", "nested deeper", "byte order mark"}) {
    if (message.find(rule) != std::string::npos) return true;
  }
  return false;
}

void expect_agreement(const std::string& value) {
  const std::string text = "{\"value\":" + value + "}";
  SCOPED_TRACE(text);
  const auto ours = parse_json<Whole>(text, "test");
  const auto theirs = as_peer_sees(text);
  if (!ours && is_about_our_own_rules(ours.error().message())) return;
  ASSERT_EQ(static_cast<bool>(ours), theirs.has_value()) << (ours ? "" : ours.error().message());
  if (!ours || ours->value.text.empty()) return;
  const auto again = as_peer_sees("{\"value\":" + ours->value.text + "}");
  ASSERT_TRUE(again.has_value()) << ours->value.text;
  EXPECT_EQ(*again, nlohmann::json::object({{"value", theirs->at("value")}}));
}

TEST(JsonPeer, AgreesOnWhatIsAValue) {
  for (const char* value : {
           "null",
           "true",
           "false",
           "nul",
           "True",
           "0",
           "-0",
           "00",
           "01",
           "-",
           "+1",
           "1.",
           ".5",
           "1.5",
           "-1.5e10",
           "1e5",
           "1e",
           "1e+",
           "1E-2",
           "1e400",
           "-1e400",
           "1e-400",
           "18446744073709551615",
           "18446744073709551616",
           "-9223372036854775808",
           "-9223372036854775809",
           "123456789012345678901234567890",
           "0x10",
           "1_0",
           "NaN",
           "Infinity",
           R"("")",
           R"("a")",
           R"("a)",
           R"("\n\t\"\\\/\b\f\r")",
           R"("\x")",
           R"("\u00e9")",
           R"("\u00E9")",
           R"("\u00g0")",
           R"("\ud83d\ude00")",
           R"("\ud83d")",
           R"("\ud83dx")",
           R"("\ud83d\u0041")",
           R"("\ude00")",
           R"("\u12")",
           "\"\t\"",
           "\"\x7f\"",
           "\"é\"",
           "\"\xff\"",
           "\"\xc0\xaf\"",
           "\"\xed\xa0\x80\"",
           "\"\xf4\x90\x80\x80\"",
           "\"\xf0\x9f\x98\x80\"",
           "\"\xe2\x82\"",
           "[]",
           "[1]",
           "[1,2]",
           "[1,]",
           "[,1]",
           "[1 2]",
           "[",
           "]",
           "[[[]]]",
           "{}",
           R"({"a":1})",
           R"({"a":1,})",
           R"({"a"})",
           R"({"a":})",
           R"({a:1})",
           R"({1:1})",
           R"({"a":1 "b":2})",
           R"({"":{}})",
           "// a\n1",
           "/* a */1",
           "1 1",
           " 1 ",
           "\f1",
           "\v1",
           "'a'",
           "[1]]",
           "{}}",
           R"({"a":[{"b":[true,null,-1.25e2]}]})",
       }) {
    expect_agreement(value);
  }
}

TEST(JsonPeer, AgreesOnBrokenCopiesOfADocument) {
  const std::string document =
      R"({"process":{"args":["sh","-c","echo \"é\" \u00e9 \ud83d\ude00"],"user":{"uid":0,"umask":18}},"limits":[-1,2.5e3,)"
      R"(18446744073709551615,true,false,null],"annotations":{"a.b/c":"x\ty","":[]}, "empty":{ } })";
  constexpr std::string_view bytes = "{}[]\",:\\0123456789-+.eEtfnu \n\t/x\x80\xc3\xff";
  std::mt19937 random(7);  // the same copies each time
  for (int round = 0; round < 5000; ++round) {
    std::string copy = document;
    for (unsigned change = random() % 3;; --change) {
      const size_t at = random() % copy.size();
      switch (random() % 3) {
        case 0:
          copy[at] = bytes[random() % bytes.size()];
          break;
        case 1:
          copy.erase(at, 1 + random() % 4);
          break;
        default:
          copy.insert(at, 1, bytes[random() % bytes.size()]);
      }
      if (change == 0 || copy.empty()) break;
    }
    expect_agreement(copy);
    if (testing::Test::HasFailure()) break;
  }
}

TEST(JsonPeer, WritesWhatThePeerReadsBack) {
  for (const std::string text : {"plain", "\"quoted\"", "a\\b", "\b\f\n\r\t\x01\x1f\x7f", "é😀", "/"}) {
    std::map<std::string, std::string> labels{{text, text}};
    const auto read = as_peer_sees(to_json(labels));
    ASSERT_TRUE(read.has_value()) << text;
    EXPECT_EQ(read->at(text), text);
  }
  for (const double number : {0.0, 1.0, -2.5, 1e300, 1e-300, 0.1, 123456789.0}) {
    const auto read = as_peer_sees(to_json(std::vector<double>{number}));
    ASSERT_TRUE(read.has_value());
    EXPECT_TRUE(read->at(0).is_number_float()) << number;
    EXPECT_EQ(read->at(0), number);
  }
}

}  // namespace
}  // namespace gantry
