#include "cli/pull_image.h"

#include "cli/progress_board.h"

#include <fmt/core.h>
#include <memory>
#include <sys/ioctl.h>
#include <unistd.h>

namespace gantry::cli {

namespace {

bool is_final(images::Step step) {
  return step == images::Step::done || step == images::Step::exists || step == images::Step::mounted;
}

TerminalSize terminal_size() {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) return {};
  return {size.ws_col, size.ws_row};
}

}  // namespace

images::ProgressSink progress_printer() {
  if (isatty(STDERR_FILENO) == 1) {
    return [board = std::make_shared<ProgressBoard>()](const images::Progress& progress) {
      fmt::print(stderr, "{}", board->show(progress, std::chrono::steady_clock::now(), terminal_size()));
    };
  }
  return [](const images::Progress& progress) {
    if (!is_final(progress.step) || progress.item.empty()) return;
    fmt::print(stderr, "{}: {}\n", progress.item, images::step_name(progress.step));
  };
}

Result<images::Image> pull_with_progress(images::ImageStore& store, const std::string& name) {
  const auto reference = TRY(oci::Reference::parse(name));
  images::PullOptions options;
  options.progress = progress_printer();
  return store.pull(reference, options);
}

}  // namespace gantry::cli
