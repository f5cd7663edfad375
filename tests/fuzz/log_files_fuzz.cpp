#include "engine/log_files.h"
#include "runtime/monitor_log.h"
#include "runtime/monitor_utf8.h"
#include "tests/fuzz/fuzz.h"

#include <unistd.h>

// A log's files: what a killed monitor left, what a program prints in pieces of any size, rotation, and the
// reader of `gantry logs`. The input is a row of choices, then the file that is found, then the output. What
// is read must be what was printed, or the end of it where old files are gone.

namespace {

using namespace gantry;
using namespace gantry::runtime;

constexpr uint32_t most_files = 4;

std::string path() {
  return join_path(fuzz::folder(), "log");
}

// Without what can't be in JSON: bytes that aren't UTF-8.
std::string as_utf8(std::string_view bytes) {
  std::string text;
  while (!bytes.empty()) {
    const size_t length = utf8_length(bytes);
    text += length == 0 ? "\xef\xbf\xbd" : bytes.substr(0, length);
    bytes.remove_prefix(std::max<size_t>(length, 1));
  }
  return text;
}

LogConfig configure(fuzz::Choices& choices) {
  LogConfig config;
  const auto first = choices.byte();
  config.driver = first % 2 == 0 ? LogDriver::json_file : LogDriver::cri;
  config.path = path();
  config.maximum_files = 1 + (first >> 1) % most_files;
  config.maximum_size = first >= 128 ? 0 : size_t{choices.byte()} * 16 + 1;
  return config;
}

void begin_with(std::string_view found) {
  for (uint32_t number = 1; number <= most_files; ++number)
    (void)remove_file(format("{}.{}", path(), number));
  (void)remove_file(path());
  fuzz::write_over(path(), found);
}

// Some are so long that a few of them pass the 16 KiB of a part.
std::string next_piece(fuzz::Choices& choices) {
  const auto size = choices.byte();
  const auto text = choices.text(1 + size % 128);
  std::string piece;
  for (int i = size < 128 ? 1 : 100; i > 0; --i) piece += text;
  return piece;
}

std::string print(const LogConfig& config, fuzz::Choices& choices) {
  LogWriter writer(config);
  fuzz::must(writer.open());
  std::string printed;
  while (!choices.empty()) {
    const auto piece = next_piece(choices);
    writer.write(Stream::output, piece, TimePoint());
    printed += piece;
    if (piece.size() % 7 != 0) continue;
    LogWriter next(config);  // replaced by a newer monitor
    fuzz::must(next.open());
    next.resume(writer.progress());
    writer = std::move(next);
  }
  writer.flush(TimePoint());
  return printed;
}

// What stands behind the first `skipped` bytes of the oldest file, which weren't ours.
std::string read_back(const LogConfig& config, const std::vector<std::string>& files, bool skip,
                      size_t skipped) {
  const auto parse = config.driver == LogDriver::cri ? parse_cri_log_entry : parse_log_entry;
  std::string text;
  for (const auto& file : files) {
    UniqueFd fd = fuzz::must(open_file(file, O_RDONLY));
    if (skip) ::lseek(fd.get(), static_cast<off_t>(skipped), SEEK_SET);
    skip = false;
    engine::LineReader reader(std::move(fd));
    while (const auto line = fuzz::must(reader.next())) text += fuzz::must(parse(*line, file)).log;
  }
  return text;
}

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

}  // namespace

FUZZ_TARGET(text) {
  fuzz::Choices choices(text);
  const auto config = configure(choices);
  const auto found = choices.text(choices.byte());
  const size_t whole = found.rfind('\n') == std::string_view::npos ? 0 : found.rfind('\n') + 1;
  begin_with(found);
  auto printed = print(config, choices);
  if (config.driver == LogDriver::json_file) printed = as_utf8(printed);
  const auto files = engine::log_files(path());
  if (files.empty() || files.size() > config.maximum_files) fuzz::fail(format("{} files", files.size()));
  // With the same files as at the beginning, and one more for each rotation, the oldest is the one that was
  // found.
  const auto first = fuzz::must(read_file(files[0]));
  const bool found_is_there = first.substr(0, whole) == found.substr(0, whole) && whole > 0;
  const auto read = read_back(config, files, found_is_there, whole);
  if (!ends_with(printed, read)) fuzz::fail("read: " + read + " but printed: " + printed);
  if (config.maximum_size == 0 && read != printed) fuzz::fail("lines are missing");
  for (const uint64_t lines : {1, 3, 1000}) {
    const auto tail = fuzz::must(engine::find_tail(files, lines));
    if (tail.file >= files.size()) fuzz::fail("a tail in no file");
  }
}
