#include "base/json_output.h"

#include "base/format.h"
#include "base/json.h"
#include "base/json_document.h"

#include <charconv>
#include <cmath>

namespace gantry::json_detail {
namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";  // U+FFFD

template <class Number>
std::string_view digits(char (&buffer)[32], Number value) {
  const auto result = std::to_chars(buffer, buffer + sizeof buffer, value);
  return {buffer, static_cast<size_t>(result.ptr - buffer)};
}

bool is_plain_character(unsigned char c) {
  return c >= ' ' && c < 0x80 && c != '"' && c != '\\';
}

}  // namespace

void Output::new_line() {
  if (indent_ < 0) return;
  text_ += '\n';
  text_.append(static_cast<size_t>(indent_) * static_cast<size_t>(level_), ' ');
}

void Output::begin(char bracket) {
  text_ += bracket;
  ++level_;
  empty_ = true;
}

void Output::end(char bracket) {
  --level_;
  if (!empty_) new_line();
  text_ += bracket;
  empty_ = false;
}

void Output::next() {
  if (!empty_) text_ += ',';
  empty_ = false;
  new_line();
}

void Output::key(std::string_view name) {
  next();
  string(name);
  text_ += indent_ < 0 ? ":" : ": ";
}

void Output::element() {
  next();
}

void Output::negative(int64_t value) {
  char buffer[32];
  text_ += digits(buffer, value);
}

void Output::natural(uint64_t value) {
  char buffer[32];
  text_ += digits(buffer, value);
}

void Output::real(double value) {
  if (!std::isfinite(value)) return null();
  const auto text = format("{}", value);
  text_ += text;
  if (text.find_first_of(".e") == std::string::npos) text_ += ".0";
}

void Output::escape(unsigned char c) {
  constexpr std::string_view names = "\"\\bfnrt";
  constexpr std::string_view values = "\"\\\b\f\n\r\t";
  constexpr std::string_view digit = "0123456789abcdef";
  const auto found = values.find(static_cast<char>(c));
  text_ += '\\';
  if (found != std::string_view::npos) {
    text_ += names[found];
    return;
  }
  text_ += "u00";
  text_ += digit[c >> 4];
  text_ += digit[c & 15];
}

void Output::string(std::string_view value) {
  text_ += '"';
  for (size_t at = 0; at < value.size();) {
    const size_t begin = at;
    while (at < value.size() && is_plain_character(static_cast<unsigned char>(value[at]))) ++at;
    text_.append(value, begin, at - begin);
    if (at == value.size()) break;
    const auto c = static_cast<unsigned char>(value[at]);
    if (c < 0x80) {
      escape(c);
      ++at;
      continue;
    }
    const size_t length = utf8_length(value.substr(at));
    text_ += length > 0 ? value.substr(at, length) : replacement;
    at += length > 0 ? length : 1;
  }
  text_ += '"';
}

void Output::raw(const RawJson& value) {
  Document document;
  parse_document(value.text, document);
  if (document.error) return null();
  item(document.root);
}

void Output::item(const Item& value) {
  switch (value.kind) {
    case Kind::object:
      begin_object();
      for (const Item& member : value.items()) {
        key(member.key);
        item(member);
      }
      return end_object();
    case Kind::array:
      begin_array();
      for (const Item& child : value.items()) {
        element();
        item(child);
      }
      return end_array();
    case Kind::string:
      return string(value.text);
    case Kind::unread:
    case Kind::null:
    case Kind::boolean:
    case Kind::negative:
    case Kind::natural:
    case Kind::real:
      text_ += value.text;
  }
}

}  // namespace gantry::json_detail
