#include "cli/progress_board.h"

#include "tests/support/results.h"

namespace gantry::cli {
namespace {

using images::Progress;
using images::Step;
using std::chrono::milliseconds;
using testing::HasSubstr;

const ProgressBoard::TimePoint start{std::chrono::hours(1)};

TEST(ProgressBoard, SaysBytesRateAndTimeLeft) {
  ProgressBoard board;
  EXPECT_EQ(board.show({"aaa", Step::waiting}, start, {}), "aaa: Waiting\n");
  EXPECT_THAT(board.show({"aaa", Step::downloading, 0, 50'000'000}, start, {}), HasSubstr("0B/50.0MB"));
  const auto line =
      board.show({"aaa", Step::downloading, 10'000'000, 50'000'000}, start + milliseconds(1000), {});
  EXPECT_EQ(line,
            "\x1b[1A\r\x1b[2Kaaa: Downloading [=====>                   ] 10.0MB/50.0MB  10.0MB/s  4s "
            "left\r\x1b[1B");
  EXPECT_THAT(
      board.show({"aaa", Step::downloading, 10'100'000, 50'000'000}, start + milliseconds(61'000), {}),
      HasSubstr("left"));
  EXPECT_THAT(board.show({"aaa", Step::done}, start + milliseconds(61'001), {}),
              HasSubstr("aaa: Complete\r"));
}

TEST(ProgressBoard, TheRateFollowsTheLastSeconds) {
  ProgressBoard board;
  uint64_t bytes = 0;
  std::string line = board.show({"a", Step::downloading, bytes, 1'000'000'000}, start, {});
  for (int second = 1; second <= 30; ++second) {
    bytes += second <= 10 ? 50'000'000 : 1'000'000;
    line = board.show({"a", Step::downloading, bytes, 1'000'000'000}, start + std::chrono::seconds(second),
                      {200, 24});
  }
  EXPECT_THAT(line, HasSubstr("520MB/1.00GB  1.06MB/s  7m32s left")) << line;
}

TEST(ProgressBoard, WritesALineTenTimesASecondAtMostButNeverHidesAStep) {
  ProgressBoard board;
  board.show({"a", Step::downloading, 0, 100}, start, {});
  EXPECT_EQ(board.show({"a", Step::downloading, 1, 100}, start + milliseconds(99), {}), "");
  EXPECT_NE(board.show({"a", Step::downloading, 2, 100}, start + milliseconds(100), {}), "");
  EXPECT_NE(board.show({"a", Step::unpacking, 0, 0}, start + milliseconds(101), {}), "");
}

TEST(ProgressBoard, LinesNeitherWrapNorReachAboveTheTerminal) {
  ProgressBoard board;
  const auto line = board.show({"0123456789ab", Step::downloading, 1, 100}, start, {20, 4});
  EXPECT_EQ(line, "0123456789ab: Downlo\n");
  for (const char* item : {"b", "c", "d"}) board.show({item, Step::waiting}, start, {20, 4});
  EXPECT_EQ(board.show({"0123456789ab", Step::done}, start, {20, 4}), "") << "it has scrolled away";
  EXPECT_EQ(board.show({"b", Step::done}, start, {20, 4}), "\x1b[3A\r\x1b[2Kb: Complete\r\x1b[3B");
}

}  // namespace
}  // namespace gantry::cli
