#include "runtime/monitor_files.h"

// A reader of its own for log lines: a program may write NUL, which base/json.h refuses in documents, and a
// log has many lines.
namespace gantry::runtime {

namespace {

void append_utf8(std::string& into, uint32_t code) {
  if (code < 0x80) {
    into += static_cast<char>(code);
  } else if (code < 0x800) {
    into += {static_cast<char>(0xc0 | code >> 6), static_cast<char>(0x80 | (code & 0x3f))};
  } else if (code < 0x10000) {
    into += {static_cast<char>(0xe0 | code >> 12), static_cast<char>(0x80 | (code >> 6 & 0x3f)),
             static_cast<char>(0x80 | (code & 0x3f))};
  } else {
    into += {static_cast<char>(0xf0 | code >> 18), static_cast<char>(0x80 | (code >> 12 & 0x3f)),
             static_cast<char>(0x80 | (code >> 6 & 0x3f)), static_cast<char>(0x80 | (code & 0x3f))};
  }
}

// A flat JSON object whose members are all strings.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  bool read(LogEntry& entry) {
    if (!take('{')) return false;
    do {
      std::string name, value;
      if (!string(name) || !take(':') || !string(value)) return false;
      if (name == "log") entry.log = std::move(value);
      if (name == "stream") entry.stream = std::move(value);
      if (name == "time") entry.time = std::move(value);
    } while (take(','));
    return take('}') && !entry.stream.empty() && !entry.time.empty();
  }

 private:
  bool take(char expected) {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
    if (at_ == text_.size() || text_[at_] != expected) return false;
    ++at_;
    return true;
  }

  bool string(std::string& into) {
    if (!take('"')) return false;
    while (at_ < text_.size() && text_[at_] != '"') {
      if (text_[at_] != '\\') {
        into += text_[at_++];
      } else if (!escape(into)) {
        return false;
      }
    }
    return take('"');
  }

  bool escape(std::string& into) {
    constexpr std::string_view letters = "\"\\/bfnrt", values = "\"\\/\b\f\n\r\t";
    if (at_ + 1 >= text_.size()) return false;
    const char letter = text_[at_ + 1];
    at_ += 2;
    if (letter == 'u') return code_point(into);
    const auto found = letters.find(letter);
    if (found == std::string_view::npos) return false;
    into += values[found];
    return true;
  }

  bool code_point(std::string& into) {
    uint32_t code = 0, low = 0;
    if (!hexadecimal(code)) return false;
    if (code >= 0xd800 && code < 0xdc00) {  // the first of a pair
      if (text_.substr(at_, 2) != "\\u") return false;
      at_ += 2;
      if (!hexadecimal(low) || low < 0xdc00 || low > 0xdfff) return false;
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    append_utf8(into, code);
    return true;
  }

  bool hexadecimal(uint32_t& code) {
    if (at_ + 4 > text_.size()) return false;
    for (const char digit : text_.substr(at_, 4)) {
      const char lower = static_cast<char>(digit | 0x20);
      const bool is_letter = lower >= 'a' && lower <= 'f';
      if (!is_letter && (digit < '0' || digit > '9')) return false;
      code = code * 16 + static_cast<uint32_t>(is_letter ? lower - 'a' + 10 : digit - '0');
    }
    at_ += 4;
    return true;
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

Result<LogEntry> parse_log_entry(std::string_view line, std::string_view source) {
  LogEntry entry;
  if (Reader(line).read(entry)) return entry;
  return Error::make(ErrorKind::corrupt, "{}: not a line of a json-file log", source);
}

// The third word is a list of tags, of which the first says whether the line is whole.
Result<LogEntry> parse_cri_log_entry(std::string_view line, std::string_view source) {
  std::string_view words[3];
  for (auto& word : words) {
    const auto space = line.find(' ');
    if (space == std::string_view::npos) {
      return Error::make(ErrorKind::corrupt, "{}: not a line of a CRI log", source);
    }
    word = line.substr(0, space);
    line.remove_prefix(space + 1);
  }
  const auto tag = words[2].substr(0, words[2].find(':'));
  const bool has_stream = words[1] == "stdout" || words[1] == "stderr";
  if (words[0].empty() || !has_stream || (tag != "F" && tag != "P")) {
    return Error::make(ErrorKind::corrupt, "{}: not a line of a CRI log", source);
  }
  LogEntry entry{std::string(line), std::string(words[1]), std::string(words[0])};
  if (tag == "F") entry.log += '\n';
  return entry;
}

}  // namespace gantry::runtime
