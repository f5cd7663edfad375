#include "base/json.h"

#include "tests/support/results.h"

namespace gantry {
namespace {

using testing::HasSubstr;

enum class Kind { bind, tmpfs };
constexpr EnumName<Kind> kind_names[] = {{Kind::bind, "bind"}, {Kind::tmpfs, "tmpfs"}};
std::span<const EnumName<Kind>> enum_names(Kind) {
  return kind_names;
}

struct Mount {
  std::string destination;
  std::optional<Kind> kind;
  std::vector<std::string> options;
};

struct Config {
  std::optional<int64_t> limit;
  uint16_t port = 0;
  bool readonly = false;
  std::vector<Mount> mounts;
  std::map<std::string, std::string> labels;
  RawJson extra;
};

template <class Visitor>
void members(Visitor& visit, Mount& mount) {
  visit.required("destination", mount.destination);
  visit("kind", mount.kind);
  visit.always("options", mount.options);
}

template <class Visitor>
void members(Visitor& visit, Config& config) {
  visit("limit", config.limit);
  visit("port", config.port);
  visit("readonly", config.readonly);
  visit("mounts", config.mounts);
  visit("labels", config.labels);
  visit("extra", config.extra);
}

TEST(Json, ReadsAndWritesByOneTable) {
  const std::string text =
      R"({"limit":-1,"port":80,"readonly":true,"mounts":[{"destination":"/a","kind":"tmpfs","options":[]}],)"
      R"("labels":{"b":"2","a":"1"},"extra":{"x":[1,2.5,null]}})";
  const auto config = parse_json<Config>(text, "test");
  ASSERT_OK(config);
  EXPECT_EQ(config->limit, -1);
  EXPECT_EQ(config->mounts.at(0).kind, Kind::tmpfs);
  EXPECT_EQ(config->labels.at("b"), "2");
  EXPECT_EQ(config->extra.text, R"({"x":[1,2.5,null]})");
  EXPECT_THAT(to_json(*config), HasSubstr(R"("mounts":[{"destination":"/a","kind":"tmpfs","options":[]}])"));
}

TEST(Json, LeavesOutWhatIsEmptyUnlessAlways) {
  Config config;
  config.mounts.push_back({"/a", std::nullopt, {}});
  EXPECT_EQ(to_json(config), R"({"port":0,"readonly":false,"mounts":[{"destination":"/a","options":[]}]})");
}

TEST(Json, NullIsAbsent) {
  const auto config = parse_json<Config>(R"({"limit":null,"port":1})", "test");
  ASSERT_OK(config);
  EXPECT_FALSE(config->limit.has_value());
}

struct Refusal {
  const char* text;
  const char* message;
};

class JsonRefuses : public testing::TestWithParam<Refusal> {};

TEST_P(JsonRefuses, NamingPathRuleAndValue) {
  EXPECT_ERROR(parse_json<Config>(GetParam().text, "c.json"), ErrorKind::invalid,
               HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    All, JsonRefuses,
    testing::Values(
        Refusal{"{", "c.json: $: not JSON: line 1"}, Refusal{"", "not JSON"},
        Refusal{"\xEF\xBB\xBF{}", "byte order mark"},
        Refusal{"[]", "c.json: $: must be an object, found an array"},
        Refusal{R"({"limit":"1g"})", "c.json: $.limit: must be a whole number from -9223372036854775808 to"},
        Refusal{R"({"limit":1e3})", "$.limit: must be a whole number"},
        Refusal{R"({"limit":18446744073709551615})", "$.limit: must be a whole number"},
        Refusal{R"({"port":65536})", "$.port: must be a whole number from 0 to 65535, found 65536"},
        Refusal{R"({"port":-1})", "$.port: must be a whole number from 0 to 65535, found -1"},
        Refusal{R"({"readonly":1})", "$.readonly: must be true or false, found 1"},
        Refusal{R"({"mounts":{}})", "$.mounts: must be an array, found an object"},
        Refusal{R"({"mounts":[{}]})", R"($.mounts[0]: required member "destination" is missing)"},
        Refusal{R"({"mounts":[{"destination":"/a"},{"destination":1}]})",
                "$.mounts[1].destination: must be a string, found 1"},
        Refusal{R"({"mounts":[{"destination":"/a","kind":"x"}]})",
                R"($.mounts[0].kind: must be one of bind, tmpfs, found "x")"},
        Refusal{R"({"labels":{"a b":1}})", R"($.labels["a b"]: must be a string, found 1)"},
        Refusal{R"({"port":1,"port":2})", R"($: member "port" stands twice)"},
        Refusal{R"({"mounts":[{},{"a":{"b":1,"c":2,"b":3}}]})", R"($.mounts[1].a: member "b" stands twice)"},
        Refusal{R"({"labels":{"1":1,"2":2,"3":3,"4":4,"5":5,"6":6,"7":7,"8":8,"9":9,"1":0}})",
                R"($.labels: member "1" stands twice)"},
        Refusal{R"({"labels":{"a":"x\u0000y"}})", "$.labels.a: a string holds a NUL character"},
        Refusal{R"({"labels":{"a":"b","\u0000":"y"}})", "$.labels: a string holds a NUL character"},
        Refusal{"{\"port\": 1,\n  \"é\": tru}",
                "not JSON: line 2, column 9: a value must stand here, found t"},
        Refusal{R"({"port":1e999})", "$.port: must be a number that fits, found 1e999"}));

TEST(Json, WritesWithIndentation) {
  Config config;
  config.port = 1;
  config.mounts.push_back({"/a", std::nullopt, {"ro"}});
  config.extra.text = R"({"x":[],"y":{}})";
  EXPECT_EQ(to_json(config, 2), R"({
  "port": 1,
  "readonly": false,
  "mounts": [
    {
      "destination": "/a",
      "options": [
        "ro"
      ]
    }
  ],
  "extra": {
    "x": [],
    "y": {}
  }
})");
}

TEST(Json, WritesOnlyUtf8) {
  EXPECT_EQ(to_json(std::vector<std::string>{"a\xffz", "\xe2\x82"}),
            "[\"a\xEF\xBF\xBDz\",\"\xEF\xBF\xBD\xEF\xBF\xBD\"]");
}

TEST(Json, ReadsBackWhatItWrote) {
  const std::string text =
      R"({"port":7,"readonly":true,"labels":{"a\"\u0001":"\\ é"},"extra":[ 1 , {"b" : "c d"} ]})";
  const auto config = parse_json<Config>(text, "test");
  ASSERT_OK(config);
  EXPECT_EQ(config->extra.text, R"([1,{"b":"c d"}])");
  const auto again = parse_json<Config>(to_json(*config), "test");
  ASSERT_OK(again);
  EXPECT_EQ(to_json(*again, 1), to_json(*config, 1));
  EXPECT_EQ(again->labels.at("a\"\x01"), "\\ é");
}

TEST(Json, RefusesDeepNesting) {
  EXPECT_ERROR(
      parse_json<Config>(R"({"extra":)" + std::string(200, '[') + std::string(200, ']') + "}", "c.json"),
      ErrorKind::invalid, HasSubstr("nested deeper"));
}

}  // namespace
}  // namespace gantry
