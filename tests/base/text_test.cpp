#include "base/text.h"

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

TEST(Time, Rfc3339GoesBothWays) {
  const auto time = parse_rfc3339("2026-11-24T12:01:05.5+01:00");
  ASSERT_OK(time);
  EXPECT_EQ(format_rfc3339(*time), "2026-11-24T11:01:05.500000000Z");
  EXPECT_EQ(format_basic_iso8601(*time), "20261124T110105Z");
  EXPECT_EQ(format_http_date(*time), "Tue, 24 Nov 2026 11:01:05 GMT");
  EXPECT_FALSE(parse_rfc3339("2026-11-24 12:01"));
  EXPECT_DOUBLE_EQ(to_epoch_seconds(from_epoch_seconds(1764000000.123)), 1764000000.123);
}

}  // namespace
}  // namespace gantry
