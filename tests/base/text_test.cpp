#include "base/text.h"

#include "base/address.h"
#include "base/hash.h"
#include "base/time.h"
#include "tests/support/results.h"

namespace gantry {
namespace {

using testing::HasSubstr;

TEST(Text, ParsesWholeNumbersStrictly) {
  EXPECT_EQ(parse_unsigned("uid", "1000").value(), 1000U);
  for (const char* text : {"", " 1", "1x", "-1", "+1", "18446744073709551616"}) {
    EXPECT_ERROR(parse_unsigned("uid", text), ErrorKind::invalid, HasSubstr("uid must be a whole number"));
  }
  EXPECT_ERROR(parse_unsigned("uid", "4294967296", UINT32_MAX), ErrorKind::invalid,
               HasSubstr("to 4294967295"));
  EXPECT_EQ(parse_integer("nice", "-20", -20, 19).value(), -20);
}

TEST(Text, PlainNamesAreOfOneRule) {
  for (const char* name : {"a", "web", "Web_1.x-y", "0"}) EXPECT_TRUE(is_plain_name(name)) << name;
  for (const char* name : {"", "-web", ".web", "_web", "we/b", "w b", "web\n", "../x", "w\xc3\xa9"})
    EXPECT_FALSE(is_plain_name(name)) << name;
  EXPECT_TRUE(is_plain("+a", "+"));
  EXPECT_FALSE(is_plain("", "+"));
  EXPECT_FALSE(is_plain("a-b", "+"));
}

TEST(Text, Fnv1aGivesThePublishedValues) {
  EXPECT_EQ(fnv1a(""), 0xcbf29ce484222325);
  EXPECT_EQ(fnv1a("a"), 0xaf63dc4c8601ec8c);
  EXPECT_EQ(fnv1a("foobar"), 0x85944171f73967e8);
}

TEST(Text, LoopbackIsOnlyWhatStaysOnThisMachine) {
  for (const char* host : {"127.0.0.1", "127.9.8.7", "localhost", "LOCALHOST", "::1", "0:0:0:0:0:0:0:1"})
    EXPECT_TRUE(is_loopback(host)) << host;
  for (const char* host : {"", "127.1", "127.0.0.256", "127.0.0.1.example.com", "128.0.0.1", "::2", "[::1]"})
    EXPECT_FALSE(is_loopback(host)) << host;
}

TEST(Text, ParsesDockerSizes) {
  EXPECT_EQ(parse_size("memory", "64m").value(), 64U << 20);
  EXPECT_EQ(parse_size("memory", "1.5GiB").value(), (3ULL << 30) / 2);
  EXPECT_EQ(parse_size("memory", "10").value(), 10U);
  for (const char* text : {"", "m", "-1m", "1x", "1 m", "nan", "99999999999t"}) {
    EXPECT_ERROR(parse_size("memory", text), ErrorKind::invalid, HasSubstr("memory must be a size"));
  }
}

TEST(Text, FormatsSizesAsDocker) {
  EXPECT_EQ(format_size(999), "999B");
  EXPECT_EQ(format_size(4264000), "4.26MB");
  EXPECT_EQ(format_size(187800000), "188MB");
}

TEST(Text, Base64GoesBothWays) {
  for (const std::string text : {"", "f", "fo", "foo", "AWS:password", "\xff\xfe\x00"}) {
    EXPECT_EQ(base64_decode(base64_encode(text)).value(), text);
  }
  EXPECT_EQ(base64_encode("AWS:x"), "QVdTOng=");
  for (const char* text : {"a", "a===", "=aaa", "aa=a", "a b=", "aaaa="}) EXPECT_FALSE(base64_decode(text));
}

TEST(Time, DurationsAreGos) {
  using namespace std::chrono_literals;
  EXPECT_EQ(parse_duration("1m30s").value(), 90s);
  EXPECT_EQ(parse_duration("500ms").value(), 500ms);
  EXPECT_EQ(parse_duration("1.5h").value(), 90min);
  EXPECT_EQ(parse_duration("0").value(), 0s);
  for (const auto* text :
       {"", "x", "5", "-1s", "1y", "1e3s", "0x1s", "infs", "nans", " 1s", "1s ", "3000000h"})
    EXPECT_FALSE(bool(parse_duration(text))) << text;
}

TEST(Time, Rfc3339GoesBothWays) {
  const auto time = parse_rfc3339("2026-11-24T12:01:05.5+01:00");
  ASSERT_OK(time);
  EXPECT_EQ(format_rfc3339(*time), "2026-11-24T11:01:05.500000000Z");
  EXPECT_EQ(format_basic_iso8601(*time), "20261124T110105Z");
  EXPECT_EQ(format_http_date(*time), "Tue, 24 Nov 2026 11:01:05 GMT");
  EXPECT_FALSE(parse_rfc3339("2026-11-24 12:01"));
  EXPECT_DOUBLE_EQ(to_epoch_seconds(from_epoch_seconds(1764000000.123)), 1764000000.123);
}

// Year 1 is Go's zero time, which docker and images write.
TEST(Time, OutsideOf64BitsOfNanosecondsIsTheNearestInstant) {
  const auto first = parse_rfc3339("0001-01-01T00:00:00Z");
  const auto last = parse_rfc3339("9999-12-31T23:59:59.999999999Z");
  ASSERT_OK(first);
  ASSERT_OK(last);
  EXPECT_EQ(format_rfc3339(*first, false), "1677-09-21T00:12:44Z");
  EXPECT_EQ(format_rfc3339(*last, false), "2262-04-11T23:47:15Z");
  EXPECT_LT(parse_basic_iso8601("00010101T000000Z").value(), TimePoint());
  EXPECT_GT(from_epoch_seconds(1e300), *parse_rfc3339("2250-01-01T00:00:00Z"));
  EXPECT_LT(from_epoch_seconds(-1e300), TimePoint());
}

}  // namespace
}  // namespace gantry
