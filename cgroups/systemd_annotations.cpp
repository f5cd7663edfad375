#include "base/text.h"
#include "cgroups/systemd_properties.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <optional>

// Values as GVariant writes them. Source: the GLib manual, "GVariant Text Format"; runc's docs/systemd.md.
namespace gantry::cgroups {
namespace {

constexpr std::string_view prefix = "org.systemd.property.";
constexpr size_t shortest_name = 3;

using Value = UnitProperty::Value;

Error not_understood(std::string_view text) {
  return Error::make(ErrorKind::invalid,
                     "must be true, false, a number, a quoted string or a list of these, found \"{}\"", text);
}

bool is_quote(char c) {
  return c == '\'' || c == '"';
}

// The quoted string that `rest` begins with, which is taken from it. Absent: there is none.
std::optional<std::string> take_string(std::string_view& rest) {
  if (rest.empty() || !is_quote(rest[0])) return std::nullopt;
  const char quote = rest[0];
  std::string text;
  for (size_t at = 1; at < rest.size(); ++at) {
    if (rest[at] == quote) {
      rest = trim(rest.substr(at + 1));
      return text;
    }
    if (rest[at] == '\\' && at + 1 < rest.size()) {
      ++at;
      text += rest[at] == 'n' ? '\n' : rest[at] == 't' ? '\t' : rest[at];
    } else {
      text += rest[at];
    }
  }
  return std::nullopt;
}

Result<Value> parse_strings(std::string_view text) {
  std::vector<std::string> strings;
  auto rest = trim(text.substr(1, text.size() - 2));
  while (!rest.empty()) {
    const auto string = take_string(rest);
    if (!string) return not_understood(text);
    strings.push_back(*string);
    if (rest.empty()) break;
    if (rest[0] != ',') return not_understood(text);
    rest = trim(rest.substr(1));
    if (rest.empty()) return not_understood(text);
  }
  return Value(std::move(strings));
}

Result<Value> parse_decimal(std::string_view text) {
  const std::string copy(text);
  char* end = nullptr;
  const double number = std::strtod(copy.c_str(), &end);
  const bool plain = copy.find_first_not_of("+-.0123456789eE") == std::string::npos;
  if (!plain || end == copy.c_str() || *end != '\0' || !std::isfinite(number)) return not_understood(text);
  return Value(number);
}

template <class T>
Result<Value> parse_signed_number(std::string_view text) {
  using Limits = std::numeric_limits<T>;
  return Value(static_cast<T>(TRY(parse_integer("value", text, Limits::min(), Limits::max()))));
}

template <class T>
Result<Value> parse_unsigned_number(std::string_view text) {
  return Value(static_cast<T>(TRY(parse_unsigned("value", text, std::numeric_limits<T>::max()))));
}

Result<Value> parse_typed(std::string_view type, std::string_view text) {
  if (type == "boolean" && (text == "true" || text == "false")) return Value(text == "true");
  if (type == "int32") return parse_signed_number<int32_t>(text);
  if (type == "uint32") return parse_unsigned_number<uint32_t>(text);
  if (type == "int64") return parse_signed_number<int64_t>(text);
  if (type == "uint64") return parse_unsigned_number<uint64_t>(text);
  if (type == "double") return parse_decimal(text);
  return not_understood(text);
}

// "@i", "@as" and the like: a type's signature.
Result<Value> parse_with_signature(std::string_view text) {
  constexpr std::pair<std::string_view, std::string_view> types[] = {{"@b", "boolean"}, {"@i", "int32"},
                                                                     {"@u", "uint32"},  {"@x", "int64"},
                                                                     {"@t", "uint64"},  {"@d", "double"}};
  const auto space = text.find(' ');
  const auto signature = text.substr(0, space);
  const auto rest = space == std::string_view::npos ? std::string_view() : trim(text.substr(space));
  for (const auto& [known, type] : types) {
    if (signature == known) return parse_typed(type, rest);
  }
  const bool list = rest.size() >= 2 && rest.front() == '[' && rest.back() == ']';
  if (signature == "@as" && list) return parse_strings(rest);
  return not_understood(text);
}

Result<Value> parse_variant(std::string_view whole) {
  const auto text = trim(whole);
  if (text == "true" || text == "false") return Value(text == "true");
  if (text.empty()) return not_understood(text);
  if (text[0] == '@') return parse_with_signature(text);
  if (text.size() > 2 && text.front() == '[' && text.back() == ']') return parse_strings(text);
  if (is_quote(text[0])) {
    auto rest = text;
    auto string = take_string(rest);
    return string && rest.empty() ? Result<Value>(Value(std::move(*string))) : not_understood(text);
  }
  if (const auto space = text.find(' '); space != std::string_view::npos) {
    return parse_typed(text.substr(0, space), trim(text.substr(space)));
  }
  if (text.find_first_not_of("-0123456789") == std::string_view::npos) {
    return parse_signed_number<int32_t>(text);
  }
  return parse_decimal(text);
}

// Seconds to systemd's microseconds.
Result<Value> to_microseconds(const Value& value) {
  constexpr double factor = 1e6;
  const auto convert = [](const auto& number) -> std::optional<double> {
    using T = std::decay_t<decltype(number)>;
    if constexpr (std::is_arithmetic_v<T> && !std::is_same_v<T, bool>) return static_cast<double>(number);
    return std::nullopt;
  };
  const auto seconds = std::visit(convert, value);
  if (!seconds || *seconds < 0 || *seconds > 1e12) {
    return Error::make(ErrorKind::invalid, "must be a number of seconds");
  }
  return Value(static_cast<uint64_t>(std::llround(*seconds * factor)));
}

bool is_letters(std::string_view name) {
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); });
}

bool counts_seconds(std::string_view name) {
  return name.size() > 3 && name.ends_with("Sec") && name[name.size() - 4] >= 'a' &&
         name[name.size() - 4] <= 'z';
}

Result<UnitProperty> parse_annotation(std::string_view name, const std::string& text) {
  if (name.size() < shortest_name || !is_letters(name)) {
    return Error::make(ErrorKind::invalid, "a property's name has letters only, {} or more", shortest_name);
  }
  auto value = TRY(parse_variant(text));
  UnitProperty property{std::string(name), std::move(value)};
  if (!counts_seconds(name)) return property;
  property.name = std::string(name.substr(0, name.size() - 3)) + "USec";
  property.value = TRY(to_microseconds(property.value));
  return property;
}

}  // namespace

Result<UnitProperties> annotation_properties(const std::map<std::string, std::string>& annotations) {
  UnitProperties properties;
  for (const auto& [key, text] : annotations) {
    if (!key.starts_with(prefix)) continue;
    auto parsed = parse_annotation(std::string_view(key).substr(prefix.size()), text);
    if (!parsed) return std::move(parsed).error().context("$.annotations[\"{}\"]", key);
    properties.push_back(std::move(*parsed));
  }
  return properties;
}

}  // namespace gantry::cgroups
