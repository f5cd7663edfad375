#include "cli/pull_image.h"

#include "base/format.h"
#include "cli/progress_board.h"

#include <cstdio>
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

// Progress that can't be told, since stderr is full or gone, is no reason to end a transfer; and this is
// called on its threads, where fmt::print's exception would end the program.
void tell(const std::string& text) {
  (void)std::fwrite(text.data(), 1, text.size(), stderr);
}

}  // namespace

images::ProgressSink progress_printer() {
  if (isatty(STDERR_FILENO) == 1) {
    return [board = std::make_shared<ProgressBoard>()](const images::Progress& progress) {
      tell(board->show(progress, std::chrono::steady_clock::now(), terminal_size()));
    };
  }
  return [](const images::Progress& progress) {
    if (!is_final(progress.step) || progress.item.empty()) return;
    tell(format("{}: {}\n", progress.item, images::step_name(progress.step)));
  };
}

Result<images::Image> pull_with_progress(images::ImageStore& store, const std::string& name) {
  const auto reference = TRY(oci::Reference::parse(name));
  images::PullOptions options;
  options.progress = progress_printer();
  return store.pull(reference, options);
}

}  // namespace gantry::cli
