#include "cgroups/conversion.h"

#include "tests/support/results.h"

namespace gantry::cgroups {
namespace {

TEST(Conversion, WeightFromSharesFollowsTheQuadraticMap) {
  const std::pair<uint64_t, uint64_t> cases[] = {
      {0, 0},       {1, 1},        {2, 1},          {10, 4},        {100, 17},   {128, 21},
      {256, 35},    {512, 59},     {1024, 100},     {1025, 101},    {2048, 174}, {4096, 303},
      {10000, 627}, {65536, 3023}, {262144, 10000}, {300000, 10000}};
  for (const auto& [shares, weight] : cases) EXPECT_EQ(weight_from_shares(shares), weight) << shares;
}

TEST(Conversion, CpuMaxHasDefaultsAndNoLimit) {
  EXPECT_EQ(cpu_max(50000, 100000), "50000 100000");
  EXPECT_EQ(cpu_max(50000, std::nullopt), "50000 100000");
  EXPECT_EQ(cpu_max(-1, 50000), "max 50000");
  EXPECT_EQ(cpu_max(std::nullopt, 20000), "max 20000");
}

TEST(Conversion, IoWeightSpansTheRange) {
  EXPECT_EQ(io_weight(10), 1u);
  EXPECT_EQ(io_weight(100), 910u);
  EXPECT_EQ(io_weight(1000), 10000u);
}

TEST(Conversion, SwapIsMemoryAndSwapLessMemory) {
  const auto value = [](std::optional<int64_t> limit, std::optional<int64_t> swap) {
    return swap_max(limit, swap).value_or("refused").value_or("untouched");
  };
  EXPECT_EQ(value(100, 150), "50");
  EXPECT_EQ(value(100, 100), "0");
  EXPECT_EQ(value(100, -1), "max");
  EXPECT_EQ(value(-1, std::nullopt), "max");
  EXPECT_EQ(value(100, std::nullopt), "untouched");
  EXPECT_EQ(value(std::nullopt, std::nullopt), "untouched");
}

TEST(Conversion, SwapRefusesWhatHasNoMeaning) {
  using testing::HasSubstr;
  EXPECT_ERROR(swap_max(std::nullopt, 100), ErrorKind::invalid, HasSubstr("without memory limit"));
  EXPECT_ERROR(swap_max(100, 50), ErrorKind::invalid,
               HasSubstr("memory+swap limit should be >= memory limit"));
  EXPECT_ERROR(swap_max(100, -2), ErrorKind::invalid, HasSubstr("-2"));
  EXPECT_ERROR(swap_max(INT64_MIN, INT64_MAX), ErrorKind::invalid, HasSubstr("invalid memory limit"));
}

}  // namespace
}  // namespace gantry::cgroups
