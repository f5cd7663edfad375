#include "cli/progress_board.h"

#include "base/format.h"
#include "base/text.h"

#include <algorithm>
#include <cmath>

namespace gantry::cli {
namespace {

using RateSeconds = std::chrono::duration<double>;

constexpr auto redraw_pause = std::chrono::milliseconds(100);
constexpr RateSeconds rate_memory{3};  // the rate forgets what was before
constexpr size_t bar_width = 25;

bool moves(images::Step step) {
  return step == images::Step::downloading || step == images::Step::uploading;
}

std::string bar(uint64_t bytes, uint64_t total) {
  const auto part = static_cast<double>(std::min(bytes, total)) / static_cast<double>(total);
  const auto filled = static_cast<size_t>(part * bar_width);
  std::string text(filled, '=');
  if (filled < bar_width) text += '>' + std::string(bar_width - filled - 1, ' ');
  return "[" + text + "]";
}

std::string time_left(double seconds) {
  const auto whole = static_cast<uint64_t>(std::ceil(seconds));
  if (whole < 60) return format("{}s", whole);
  if (whole < 3600) return format("{}m{:02}s", whole / 60, whole % 60);
  return format("{}h{:02}m", whole / 3600, whole / 60 % 60);
}

}  // namespace

void ProgressBoard::sample(Line& line, const images::Progress& progress, TimePoint now) {
  const bool starts = line.step != progress.step || progress.bytes < line.bytes;
  const RateSeconds passed = now - line.sampled;
  if (!starts && passed.count() > 0) {
    const double latest = static_cast<double>(progress.bytes - line.bytes) / passed.count();
    const double weight = line.rate == 0 ? 1 : 1 - std::exp(-passed / rate_memory);
    line.rate += (latest - line.rate) * weight;
  }
  if (starts) line.rate = 0;
  line.bytes = progress.bytes;
  line.sampled = now;
}

std::string ProgressBoard::text(const Line& line, const images::Progress& progress, size_t columns) {
  std::string text = progress.item.empty() ? std::string() : progress.item + ": ";
  text += images::step_name(progress.step);
  if (moves(progress.step) && progress.total > 0) {
    text += format(" {} {}/{}", bar(progress.bytes, progress.total), format_size(progress.bytes),
                   format_size(progress.total));
    const auto left = static_cast<double>(progress.total - std::min(progress.bytes, progress.total));
    if (line.rate >= 1) {
      text += format("  {}/s  {} left", format_size(static_cast<uint64_t>(line.rate)),
                     time_left(left / line.rate));
    }
  }
  return text.substr(0, columns);  // a line that wraps would shift the others
}

std::string ProgressBoard::show(const images::Progress& progress, TimePoint now, const TerminalSize& size) {
  auto line = std::find_if(lines_.begin(), lines_.end(),
                           [&](const Line& other) { return other.item == progress.item; });
  const bool is_new = line == lines_.end();
  if (is_new) line = lines_.insert(lines_.end(), Line{.item = progress.item, .step = progress.step});
  const bool same_step = !is_new && line->step == progress.step;
  if (same_step && now - line->shown < redraw_pause) return {};
  sample(*line, progress, now);
  line->step = progress.step;
  line->shown = now;
  const auto shown = text(*line, progress, size.columns);
  if (is_new) return shown + "\n";
  const auto up = static_cast<size_t>(lines_.end() - line);
  if (up >= size.rows) return {};  // scrolled away
  return format("\x1b[{}A\r\x1b[2K{}\r\x1b[{}B", up, shown, up);
}

}  // namespace gantry::cli
