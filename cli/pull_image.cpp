#include "cli/pull_image.h"

#include "base/text.h"

#include <algorithm>
#include <fmt/core.h>
#include <memory>
#include <unistd.h>

namespace gantry::cli {

namespace {

bool is_final(images::Step step) {
  return step == images::Step::done || step == images::Step::exists || step == images::Step::mounted;
}

std::string line_text(const images::Progress& progress) {
  std::string text = progress.item.empty() ? std::string() : progress.item + ": ";
  text += images::step_name(progress.step);
  const bool counts = progress.step == images::Step::downloading || progress.step == images::Step::uploading;
  if (counts && progress.total > 0) {
    text += format(" {}/{}", format_size(progress.bytes), format_size(progress.total));
  }
  return text;
}

// A line for each item, rewritten in place: cursor up, clear the line, print, cursor down.
class Board {
 public:
  void show(const images::Progress& progress) {
    auto item = std::find(items_.begin(), items_.end(), progress.item);
    if (item == items_.end()) {
      items_.push_back(progress.item);
      fmt::print(stderr, "{}\n", line_text(progress));
      return;
    }
    const auto up = items_.end() - item;
    fmt::print(stderr, "\x1b[{}A\r\x1b[2K{}\r\x1b[{}B", up, line_text(progress), up);
  }

 private:
  std::vector<std::string> items_;
};

}  // namespace

images::ProgressSink progress_printer() {
  if (isatty(STDERR_FILENO) == 1) {
    return [board = std::make_shared<Board>()](const images::Progress& progress) { board->show(progress); };
  }
  return [](const images::Progress& progress) {
    if (is_final(progress.step) && !progress.item.empty()) fmt::print(stderr, "{}\n", line_text(progress));
  };
}

Result<images::Image> pull_with_progress(images::ImageStore& store, const std::string& name) {
  const auto reference = TRY(oci::Reference::parse(name));
  images::PullOptions options;
  options.progress = progress_printer();
  return store.pull(reference, options);
}

}  // namespace gantry::cli
