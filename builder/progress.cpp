#include "builder/progress.h"

#include "base/format.h"

namespace gantry::builder {

int Progress::next() {
  const std::lock_guard lock(mutex_);
  return ++last_;
}

void Progress::say(int number, const std::string& text) {
  const std::lock_guard lock(mutex_);
  if (line_) line_(format("#{} {}", number, text));
}

Progress::Step::Step(Progress& progress, const std::string& title)
    : progress_(progress), number_(progress.next()), begin_(std::chrono::steady_clock::now()) {
  progress_.say(number_, title);
}

std::string Progress::Step::seconds() const {
  const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begin_;
  return format("{:.3f}", passed.count());
}

void Progress::Step::cached() {
  progress_.say(number_, "CACHED");
}

void Progress::Step::done() {
  flush();
  progress_.say(number_, format("DONE {}s", seconds()));
}

void Progress::Step::failed(const std::string& error) {
  flush();
  progress_.say(number_, "ERROR: " + error);
}

void Progress::Step::note(const std::string& text) {
  progress_.say(number_, text);
}

void Progress::Step::output(std::string_view piece) {
  constexpr size_t longest_line = size_t{64} << 10;
  rest_ += piece;
  size_t at = 0;
  for (size_t end = 0; (end = rest_.find('\n', at)) != std::string::npos; at = end + 1) {
    std::string line = rest_.substr(at, end - at);
    if (line.ends_with('\r')) line.pop_back();
    progress_.say(number_, seconds() + " " + line);
  }
  rest_.erase(0, at);
  if (rest_.size() > longest_line) flush();
}

void Progress::Step::flush() {
  if (!rest_.empty()) progress_.say(number_, seconds() + " " + rest_);
  rest_.clear();
}

}  // namespace gantry::builder
