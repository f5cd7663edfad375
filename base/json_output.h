#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace gantry {
struct RawJson;
}

namespace gantry::json_detail {

struct Item;

// JSON text as it is written, value by value: RFC 8259, on one line, or with `indent` spaces a level. Bytes
// that aren't UTF-8 become U+FFFD; a number that JSON can't say becomes null.
class Output {
 public:
  explicit Output(int indent) : indent_(indent) {}

  void begin_object() { begin('{'); }
  void end_object() { end('}'); }
  void begin_array() { begin('['); }
  void end_array() { end(']'); }
  void key(std::string_view name);  // before each member's value
  void element();                   // before each element's value

  void null() { text_ += "null"; }
  void boolean(bool value) { text_ += value ? "true" : "false"; }
  void negative(int64_t value);
  void natural(uint64_t value);
  void real(double value);
  void string(std::string_view value);
  void raw(const RawJson& value);  // null unless it is JSON
  void item(const Item& value);

  std::string take() { return std::move(text_); }

 private:
  void begin(char bracket);
  void end(char bracket);
  void next();
  void new_line();
  void escape(unsigned char c);

  std::string text_;
  int indent_;
  int level_ = 0;
  bool empty_ = true;  // the container has no child yet
};

}  // namespace gantry::json_detail
