#include "runtime/monitor_log.h"

#include "runtime/monitor_journal.h"
#include "runtime/monitor_log_file.h"
#include "runtime/monitor_utf8.h"

namespace gantry::runtime {

namespace {

constexpr size_t longest_part = 16384;

size_t index_of(Stream stream) {
  return stream == Stream::output ? 0 : 1;
}

std::unique_ptr<LogSink> make_sink(LogConfig config) {
  switch (config.driver) {
    case LogDriver::none:
      return nullptr;
    case LogDriver::json_file:
      return std::make_unique<LogFile>(std::move(config), append_json_line);
    case LogDriver::cri:
      return std::make_unique<LogFile>(std::move(config), append_cri_line);
    case LogDriver::journald:
      return std::make_unique<JournalLog>(std::move(config));
  }
  return nullptr;
}

// A part may not end inside a character, or both halves would become U+FFFD.
size_t part_length(std::string_view text) {
  size_t length = std::min(text.size(), longest_part);
  for (size_t back = 1; back <= 3 && back < length; ++back) {
    const auto byte = static_cast<uint8_t>(text[length - back]);
    if (byte < 0x80) break;
    if (byte >= 0xc0) return utf8_length(text.substr(length - back, back)) == 0 ? length - back : length;
  }
  return length;
}

}  // namespace

LogWriter::LogWriter(LogConfig config) : sink_(make_sink(std::move(config))) {}

Result<void> LogWriter::open() {
  if (!sink_) return {};
  return sink_->open();
}

void LogWriter::write(Stream stream, std::string_view data, TimePoint now) {
  if (!sink_) return;
  auto& begun = begun_[index_of(stream)];
  while (!data.empty()) {
    const auto newline = data.find('\n');
    // No more than a part at a time, so that a flood without newlines takes no memory.
    const auto piece = data.substr(0, std::min(newline, longest_part));
    begun += piece;
    data.remove_prefix(piece.size());
    write_whole_parts(stream, now);
    if (newline != piece.size()) continue;
    data.remove_prefix(1);
    sink_->append({stream, begun, false, now});
    begun.clear();
  }
  sink_->flush();
}

void LogWriter::write_whole_parts(Stream stream, TimePoint now) {
  auto& begun = begun_[index_of(stream)];
  while (begun.size() > longest_part) {
    const auto length = part_length(begun);
    sink_->append({stream, std::string_view(begun).substr(0, length), true, now});
    begun.erase(0, length);
  }
}

void LogWriter::flush(TimePoint now) {
  if (!sink_) return;
  for (const auto stream : {Stream::output, Stream::errors}) {
    auto& begun = begun_[index_of(stream)];
    if (!begun.empty()) sink_->append({stream, begun, true, now});
    begun = {};
  }
  sink_->flush();
}

uint64_t LogWriter::lost_lines() const {
  return lost_before_ + (sink_ ? sink_->lost() : 0);
}

LogWriter::Progress LogWriter::progress() const {
  return {{begun_[0], begun_[1]}, lost_lines()};
}

void LogWriter::resume(Progress progress) {
  for (const size_t i : {size_t{0}, size_t{1}}) begun_[i] = std::move(progress.begun[i]);
  lost_before_ = progress.lost_before;
}

}  // namespace gantry::runtime
