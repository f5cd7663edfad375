#include "runtime/monitor_log.h"

#include "base/files.h"

#include <cstdio>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gantry::runtime {

namespace {

constexpr size_t longest_part = 16384;
constexpr std::string_view replacement = "\xef\xbf\xbd";

// Length of the UTF-8 character at the front (RFC 3629: no surrogates, no overlong forms), 0 when there is
// none.
size_t utf8_length(std::string_view text) {
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<uint8_t>(text[i]) : uint8_t{0}; };
  const auto follows = [&](size_t i, uint8_t least = 0x80, uint8_t most = 0xbf) {
    return byte(i) >= least && byte(i) <= most;
  };
  const uint8_t first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return follows(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    return follows(1, first == 0xe0 ? 0xa0 : 0x80, first == 0xed ? 0x9f : 0xbf) && follows(2) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const bool second = follows(1, first == 0xf0 ? 0x90 : 0x80, first == 0xf4 ? 0x8f : 0xbf);
    return second && follows(2) && follows(3) ? 4 : 0;
  }
  return 0;
}

void append_escaped(std::string& into, char letter) {
  switch (letter) {
    case '"':
      into += "\\\"";
      return;
    case '\\':
      into += "\\\\";
      return;
    case '\n':
      into += "\\n";
      return;
    case '\r':
      into += "\\r";
      return;
    case '\t':
      into += "\\t";
      return;
    default:
      into += format("\\u{:04x}", static_cast<unsigned>(letter));
  }
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

void append_json_string(std::string& into, std::string_view text) {
  into += '"';
  for (size_t i = 0; i < text.size();) {
    const auto letter = static_cast<uint8_t>(text[i]);
    if (letter >= 0x20 && letter < 0x7f && letter != '"' && letter != '\\') {
      into += text[i++];
    } else if (letter < 0x80) {
      append_escaped(into, text[i++]);
    } else {
      const size_t length = utf8_length(text.substr(i));
      into += length == 0 ? replacement : text.substr(i, length);
      i += length == 0 ? 1 : length;
    }
  }
  into += '"';
}

Result<void> LogWriter::open() {
  if (config_.driver == LogDriver::none) return {};
  file_ = TRY(open_file(config_.path, O_WRONLY | O_CREAT | O_APPEND, 0600).context("open the log"));
  struct stat info {};
  size_ = fstat(file_.get(), &info) == 0 ? static_cast<uint64_t>(info.st_size) : 0;
  return {};
}

void LogWriter::write(Stream stream, std::string_view data, TimePoint now) {
  if (!file_) return;
  const auto time = format_rfc3339(now);
  auto& waiting = waiting_[stream == Stream::output ? 0 : 1];
  while (!data.empty()) {
    const auto newline = data.find('\n');
    const auto line = data.substr(0, newline == std::string_view::npos ? data.size() : newline + 1);
    data.remove_prefix(line.size());
    waiting += line;
    while (waiting.size() > longest_part) {
      const auto part = part_length(waiting);
      append_line(stream, std::string_view(waiting).substr(0, part), time);
      waiting.erase(0, part);
    }
    if (newline == std::string_view::npos) break;
    append_line(stream, waiting, time);
    waiting.clear();
  }
  write_batch();
}

void LogWriter::flush(TimePoint now) {
  for (const auto stream : {Stream::output, Stream::errors}) {
    auto& waiting = waiting_[stream == Stream::output ? 0 : 1];
    if (!waiting.empty() && file_) append_line(stream, waiting, format_rfc3339(now));
    waiting.clear();
  }
  write_batch();
}

void LogWriter::append_line(Stream stream, std::string_view line, const std::string& time) {
  const size_t before = batch_.size();
  batch_ += R"({"log":)";
  append_json_string(batch_, line);
  batch_ += stream == Stream::output ? R"(,"stream":"stdout","time":")" : R"(,"stream":"stderr","time":")";
  batch_ += time;
  batch_ += "\"}\n";
  ++batch_lines_;
  const bool over = config_.maximum_size != 0 && size_ + batch_.size() > config_.maximum_size;
  if (!over || size_ + before == 0) return;
  std::string last = batch_.substr(before);
  batch_.resize(before);
  --batch_lines_;
  write_batch();
  rotate();
  batch_ = std::move(last);
  batch_lines_ = 1;
}

void LogWriter::write_batch() {
  if (batch_.empty()) return;
  if (const auto written = write_all(file_, batch_)) {
    size_ += batch_.size();
  } else {  // ENOSPC, EDQUOT, EIO: no half lines may stay
    lost_lines_ += batch_lines_;
    (void)!ftruncate(file_.get(), static_cast<off_t>(size_));
  }
  batch_.clear();
  batch_lines_ = 0;
}

void LogWriter::rotate() {
  const auto name = [&](uint32_t number) {
    return number == 0 ? config_.path : format("{}.{}", config_.path, number);
  };
  if (config_.maximum_files == 1) {
    if (ftruncate(file_.get(), 0) == 0) size_ = 0;
    return;
  }
  for (uint32_t number = config_.maximum_files - 1; number > 0; --number) {
    std::rename(name(number - 1).c_str(), name(number).c_str());  // what is missing is no harm
  }
  auto next = open_file(config_.path, O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (!next) return;  // then the old one, under its new name, is written on
  file_ = std::move(next).value();
  size_ = 0;
}

}  // namespace gantry::runtime
