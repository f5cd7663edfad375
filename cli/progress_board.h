#pragma once

#include "images/progress.h"

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace gantry::cli {

struct TerminalSize {
  size_t columns = 80;
  size_t rows = 24;
};

// A terminal's lines for what is pulled or pushed, one for each layer, rewritten in place: bytes, rate, time
// left.
class ProgressBoard {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // What to write to the terminal now; empty when the last writing of this line is less than 0.1 s old,
  // unless the layer came to another step.
  std::string show(const images::Progress& progress, TimePoint now, const TerminalSize& size);

 private:
  struct Line {
    std::string item;
    images::Step step = images::Step::waiting;
    TimePoint shown{};
    TimePoint sampled{};  // when `bytes` were there
    uint64_t bytes = 0;
    double rate = 0;  // bytes a second, over the last seconds; 0: not known yet
  };
  static void sample(Line& line, const images::Progress& progress, TimePoint now);
  static std::string text(const Line& line, const images::Progress& progress, size_t columns);

  std::vector<Line> lines_;
};

}  // namespace gantry::cli
