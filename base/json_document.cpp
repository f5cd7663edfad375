#include "base/json_document.h"

#include "base/format.h"
#include "base/text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <memory>

// Written here, and not taken from a library, because the runtime reads a configuration at each start: a
// library's tree of values was the larger part of the time that it spends in user space.

namespace gantry::json_detail {
namespace {

constexpr size_t deepest = 128;
constexpr size_t few_members = 8;  // up to here comparing all pairs is the cheapest

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

void append_utf8(std::string& text, uint32_t point) {
  const auto add = [&](uint32_t byte) { text += static_cast<char>(byte); };
  if (point < 0x80) return add(point);
  if (point < 0x800) {
    add(0xC0 | point >> 6);
  } else if (point < 0x10000) {
    add(0xE0 | point >> 12);
    add(0x80 | (point >> 6 & 0x3F));
  } else {
    add(0xF0 | point >> 18);
    add(0x80 | (point >> 12 & 0x3F));
    add(0x80 | (point >> 6 & 0x3F));
  }
  add(0x80 | (point & 0x3F));
}

class Parser {
 public:
  Parser(std::string_view text, Document& document, std::span<const std::string_view> unread)
      : text_(text), document_(document), unread_(unread) {}

  bool parse() {
    skip_space();
    if (!value(document_.root)) return false;
    skip_space();
    return at_ == text_.size() || broken("must end here");
  }

 private:
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void skip_space() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r'))
      ++at_;
  }

  // Not JSON at all: by line and column, since there is no path.
  bool broken(std::string_view rule);
  // JSON, but against a rule of ours.
  bool refused(std::string_view rule);

  bool value(Item& item);
  bool word(std::string_view expected, Item& item, Kind kind, bool flag);
  bool number(Item& item);
  bool string(std::string_view& text);
  bool escaped_string(size_t begin, std::string_view& text);
  bool escape(std::string& text);
  bool code_unit(uint32_t& unit);
  bool array(Item& item);
  bool object(Item& item);
  // Between the brackets; `read_child` takes one and leaves its place at the end of pending_.
  template <typename Child>
  bool container(Item& item, char closing, const char* expected, Child read_child);
  bool member(Item& child);
  bool member_value(Item& child);
  bool pass_over(Item& item);
  bool keys_differ(std::span<const Item> members);
  void keep_children(Item& item, size_t first);
  std::string_view keep(const std::string& text);

  std::string_view text_;
  size_t at_ = 0;
  Document& document_;
  std::span<const std::string_view> unread_;
  size_t on_the_way_ = 0;              // so many of unread_ lead to where we are
  std::vector<Item> pending_;          // children of the containers that are still open
  std::vector<const Item*> open_;      // those containers, outermost first; with pending_ they give the path
  std::vector<size_t> first_pending_;  // where each one's children begin in pending_
};

bool Parser::broken(std::string_view rule) {
  const auto before = text_.substr(0, at_);
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const auto newline = before.rfind('\n');
  const size_t column = at_ - (newline == std::string_view::npos ? 0 : newline + 1) + 1;
  std::string found =
      at_ < text_.size() ? std::string(text_.substr(at_, std::max<size_t>(1, utf8_length(text_.substr(at_)))))
                         : "the end";
  if (found.size() == 1 && (found[0] < ' ' || found[0] == 0x7F)) found = format("byte {}", int{found[0]});
  document_.error = Error::invalid(document_.source, "$", "not JSON: line {}, column {}: {}, found {}", line,
                                   column, rule, found);
  return false;
}

bool Parser::refused(std::string_view rule) {
  std::string path = "$";
  for (size_t level = 0; level < open_.size(); ++level) {
    const size_t next = level + 1 < open_.size() ? first_pending_[level + 1] : pending_.size();
    if (next <= first_pending_[level]) break;
    const Item& child = pending_[next - 1];
    if (open_[level]->kind == Kind::object && child.key.data() == nullptr)
      break;  // it is about the key itself
    path = open_[level]->kind == Kind::array ? format("{}[{}]", path, next - 1 - first_pending_[level])
                                             : path_of_member(path, child.key);
  }
  document_.error = Error::invalid(document_.source, path, "{}", rule);
  return false;
}

bool Parser::value(Item& item) {
  const size_t begin = at_;
  bool done = false;
  switch (peek()) {
    case '{':
      done = object(item);
      break;
    case '[':
      done = array(item);
      break;
    case '"':
      item.kind = Kind::string;
      done = string(item.text);
      break;
    case 't':
      done = word("true", item, Kind::boolean, true);
      break;
    case 'f':
      done = word("false", item, Kind::boolean, false);
      break;
    case 'n':
      done = word("null", item, Kind::null, false);
      break;
    default:
      done = number(item);
      break;
  }
  if (item.kind != Kind::string) item.text = text_.substr(begin, at_ - begin);
  return done;
}

bool Parser::word(std::string_view expected, Item& item, Kind kind, bool flag) {
  if (text_.substr(at_, expected.size()) != expected) return broken("a value must stand here");
  at_ += expected.size();
  item.kind = kind;
  item.value.boolean = flag;
  return true;
}

// number = [ minus ] int [ frac ] [ exp ]
bool Parser::number(Item& item) {
  const size_t begin = at_;
  const bool minus = take('-');
  if (!is_digit(peek())) return broken(minus ? "a digit must follow" : "a value must stand here");
  if (!take('0')) {
    while (is_digit(peek())) ++at_;
  }
  bool whole = true;
  if (take('.')) {
    whole = false;
    if (!is_digit(peek())) return broken("a digit must follow");
    while (is_digit(peek())) ++at_;
  }
  if (peek() == 'e' || peek() == 'E') {
    whole = false;
    ++at_;
    if (peek() == '+' || peek() == '-') ++at_;
    if (!is_digit(peek())) return broken("a digit must follow");
    while (is_digit(peek())) ++at_;
  }
  const char* first = text_.data() + begin;
  const char* last = text_.data() + at_;
  item.kind = minus ? Kind::negative : Kind::natural;
  if (whole && minus && std::from_chars(first, last, item.value.negative).ec == std::errc()) return true;
  if (whole && !minus && std::from_chars(first, last, item.value.natural).ec == std::errc()) return true;
  item.kind = Kind::real;
  item.value.real = std::strtod(std::string(first, last).c_str(), nullptr);
  if (std::isfinite(item.value.real)) return true;
  return refused(
      format("must be a number that fits, found {}", text_.substr(begin, std::min<size_t>(at_ - begin, 80))));
}

bool Parser::string(std::string_view& text) {
  const size_t begin = ++at_;
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (c == '"') {
      text = text_.substr(begin, at_++ - begin);
      return true;
    }
    if (c == '\\') return escaped_string(begin, text);
    if (static_cast<unsigned char>(c) < ' ') return broken("a control character in a string must be escaped");
    const size_t length = static_cast<unsigned char>(c) < 0x80 ? 1 : utf8_length(text_.substr(at_));
    if (length == 0) return broken("a string must be UTF-8");
    at_ += length;
  }
  return broken("a string must end");
}

bool Parser::escaped_string(size_t begin, std::string_view& text) {
  std::string plain(text_.substr(begin, at_ - begin));
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (c == '"') {
      ++at_;
      text = keep(plain);
      return true;
    }
    if (static_cast<unsigned char>(c) < ' ') return broken("a control character in a string must be escaped");
    if (c == '\\') {
      if (!escape(plain)) return false;
      continue;
    }
    const size_t length = utf8_length(text_.substr(at_));
    if (length == 0) return broken("a string must be UTF-8");
    plain.append(text_, at_, length);
    at_ += length;
  }
  return broken("a string must end");
}

bool Parser::escape(std::string& text) {
  constexpr std::string_view names = "\"\\/bfnrt";
  constexpr std::string_view values = "\"\\/\b\f\n\r\t";
  ++at_;
  if (const auto found = names.find(peek()); at_ < text_.size() && found != std::string_view::npos) {
    ++at_;
    text += values[found];
    return true;
  }
  if (!take('u')) return broken("an escape must be one of \" \\ / b f n r t u");
  uint32_t unit = 0;
  if (!code_unit(unit)) return false;
  if (unit == 0) return refused("a string holds a NUL character");
  if (unit >= 0xDC00 && unit < 0xE000) return broken("the second half of a pair must follow its first");
  if (unit >= 0xD800 && unit < 0xDC00) {
    uint32_t low = 0;
    if (!take('\\') || !take('u')) return broken("the second half of a pair must follow");
    if (!code_unit(low)) return false;
    if (low < 0xDC00 || low >= 0xE000) return broken("the second half of a pair must follow");
    unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
  }
  append_utf8(text, unit);
  return true;
}

bool Parser::code_unit(uint32_t& unit) {
  for (int digit = 0; digit < 4; ++digit) {
    const int value = hex_value(peek());
    if (value < 0) return broken("four hexadecimal digits must follow \\u");
    unit = unit * 16 + static_cast<uint32_t>(value);
    ++at_;
  }
  return true;
}

bool Parser::array(Item& item) {
  item.kind = Kind::array;
  return container(item, ']', "a comma or ] must stand here", [this](Item& child) {
    skip_space();
    pending_.emplace_back();
    return value(child);
  });
}

bool Parser::object(Item& item) {
  item.kind = Kind::object;
  return container(item, '}', "a comma or } must stand here", [this](Item& child) { return member(child); });
}

template <typename Child>
bool Parser::container(Item& item, char closing, const char* expected, Child read_child) {
  if (open_.size() >= deepest) return refused(format("nested deeper than {}", deepest));
  ++at_;
  const size_t first = pending_.size();
  open_.push_back(&item);
  first_pending_.push_back(first);
  skip_space();
  if (!take(closing)) {
    for (;;) {
      Item child;
      if (!read_child(child)) return false;
      pending_.back() = child;
      skip_space();
      if (take(closing)) break;
      if (!take(',')) return broken(expected);
    }
  }
  if (item.kind == Kind::object && !keys_differ(std::span(pending_).subspan(first))) return false;
  keep_children(item, first);
  return true;
}

bool Parser::member(Item& child) {
  pending_.emplace_back();
  skip_space();
  if (peek() != '"') return broken("a member's name must stand here");
  if (!string(child.key)) return false;
  skip_space();
  if (!take(':')) return broken("a colon must stand here");
  skip_space();
  pending_.back().key = child.key;
  return member_value(child);
}

bool Parser::member_value(Item& child) {
  if (on_the_way_ == unread_.size() || open_.size() != on_the_way_ + 1 || child.key != unread_[on_the_way_]) {
    return value(child);
  }
  if (on_the_way_ + 1 == unread_.size() && peek() == '{' && pass_over(child)) return true;
  ++on_the_way_;
  const bool done = value(child);
  --on_the_way_;
  return done;
}

// To the bracket that closes the object; of its text only strings are told from brackets. False, and nothing
// passed over, when it doesn't end: reading it will say why.
bool Parser::pass_over(Item& item) {
  size_t depth = 0;
  bool quoted = false;
  for (size_t at = at_; at < text_.size(); ++at) {
    const char c = text_[at];
    if (quoted) {
      if (c == '\\') {
        ++at;
      } else if (c == '"') {
        quoted = false;
      }
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if ((c == '}' || c == ']') && --depth == 0) {
      item.kind = Kind::unread;
      item.text = text_.substr(at_, at + 1 - at_);
      at_ = at + 1;
      return true;
    }
  }
  return false;
}

bool Parser::keys_differ(std::span<const Item> members) {
  const auto twice = [&](std::string_view key) {
    first_pending_.pop_back();
    open_.pop_back();
    pending_.resize(pending_.size() - members.size());
    return refused(format("member \"{}\" stands twice in one object", key));
  };
  if (members.size() <= few_members) {
    for (size_t i = 1; i < members.size(); ++i) {
      for (size_t j = 0; j < i; ++j) {
        if (members[i].key == members[j].key) return twice(members[i].key);
      }
    }
    return true;
  }
  std::vector<std::string_view> keys;
  keys.reserve(members.size());
  for (const auto& entry : members) keys.push_back(entry.key);
  std::sort(keys.begin(), keys.end());
  const auto found = std::adjacent_find(keys.begin(), keys.end());
  return found == keys.end() || twice(*found);
}

// The children stand together once all of them are there.
void Parser::keep_children(Item& item, size_t first) {
  item.count = static_cast<uint32_t>(pending_.size() - first);
  if (item.count > 0) {
    auto* kept = static_cast<Item*>(document_.memory.allocate(item.count * sizeof(Item), alignof(Item)));
    std::uninitialized_copy(pending_.begin() + static_cast<ptrdiff_t>(first), pending_.end(), kept);
    item.value.children = kept;
  }
  pending_.resize(first);
  open_.pop_back();
  first_pending_.pop_back();
}

std::string_view Parser::keep(const std::string& text) {
  if (text.empty()) return {};
  auto* kept = static_cast<char*>(document_.memory.allocate(text.size(), 1));
  std::memcpy(kept, text.data(), text.size());
  return {kept, text.size()};
}

}  // namespace

size_t utf8_length(std::string_view text) {
  if (text.empty()) return 0;
  const auto byte = [&](size_t at) { return static_cast<unsigned char>(text[at]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  const size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return 0;
  for (size_t at = 1; at < length; ++at) {
    if (!is_continuation(text[at])) return 0;
  }
  // No second spelling of a shorter character, no half of a pair, nothing above U+10FFFF.
  if ((lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xED && byte(1) > 0x9F)) return 0;
  if ((lead == 0xF0 && byte(1) < 0x90) || (lead == 0xF4 && byte(1) > 0x8F)) return 0;
  return length;
}

std::string path_of_member(std::string_view before, std::string_view key) {
  return is_plain(key, "_-") ? format("{}.{}", before, key) : format("{}[\"{}\"]", before, key);
}

void parse_document(std::string_view text, Document& document, std::span<const std::string_view> unread) {
  if (text.substr(0, 3) == "\xEF\xBB\xBF") {
    document.error = Error::invalid(document.source, "$", "not JSON: begins with a byte order mark");
    return;
  }
  Parser(text, document, unread).parse();
}

}  // namespace gantry::json_detail
