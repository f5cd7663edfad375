#pragma once

#include "base/json_output.h"
#include "base/result.h"

#include <concepts>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

// JSON at the edge: parsed once into structs, by a table of members that serves both ways.
//
//   struct Mount { std::string destination; std::vector<std::string> options; std::optional<int64_t> size; };
//
//   template <class Visitor>                       // in a _json.cpp; found by argument-dependent lookup
//   void members(Visitor& visit, Mount& mount) {
//     visit.required("destination", mount.destination);
//     visit("options", mount.options);
//     visit("size", mount.size);
//   }
//
//   Result<Mount> mount = parse_json<Mount>(text, "mount.json");   // and std::string text = to_json(mount);
//
// A member's type may be bool, an integer, double, std::string, an enum with `enum_names` (below), a class
// with `static Result<T> parse(std::string_view)` and `std::string string() const` (a Digest), a struct with
// `members`, and std::optional, std::vector and std::map<std::string, …> of these, and RawJson. Errors name
// the source, the JSON path, what was found and what was expected:
//   config.json: $.linux.resources.memory.limit: must be a whole number, found "1g"
// null is the same as absent. Members that no table names are ignored.

namespace gantry {

// A part of a document kept as text, for what is passed on without being understood.
struct RawJson {
  std::string text;  // empty: absent
};

// enum class Type { bind, tmpfs };
// constexpr EnumName<Type> type_names[] = {{Type::bind, "bind"}, {Type::tmpfs, "tmpfs"}};
// inline std::span<const EnumName<Type>> enum_names(Type) { return type_names; }
template <class E>
struct EnumName {
  E value;
  std::string_view name;
};

template <class E>
std::string_view enum_name(E value) {
  for (const auto& entry : enum_names(value)) {
    if (entry.value == value) return entry.name;
  }
  return {};
}

template <class E>
std::optional<E> enum_value(std::string_view name) {
  for (const auto& entry : enum_names(E{})) {
    if (entry.name == name) return entry.value;
  }
  return std::nullopt;
}

class JsonReader;
class JsonWriter;

namespace json_detail {

struct Document;  // holds the parsed text, the source's name and the first error
struct Item;      // one value of it

// A value and the way to it.
struct Node {
  Document* document;
  const Item* item;
  const Node* parent;
};

void fail(const Node& node,
          std::string_view expected);  // keeps the first error: "PATH: must be EXPECTED, found …"
void fail_rule(const Node& node, std::string_view rule);
bool failed(const Node& node);
bool find(const Node& object, std::string_view key, Node& member);  // false: absent or null
bool check_object(const Node& node);
size_t array_size(const Node& node);  // 0 and an error unless it is an array
size_t member_count(const Node& object);
Node child(const Node& container, size_t index);
std::string_view key(const Node& member);
bool is_null(const Node& node);
std::vector<std::string> keys(const Node& object);

void read(const Node& node, bool& value);
void read(const Node& node, double& value);
void read(const Node& node, std::string& value);
void read(const Node& node, RawJson& value);
bool read_signed(const Node& node, int64_t least, int64_t most, int64_t& value);
bool read_unsigned(const Node& node, uint64_t most, uint64_t& value);
void fail_enum(const Node& node, const std::vector<std::string_view>& names);

inline void write(Output& into, bool from) {
  into.boolean(from);
}
inline void write(Output& into, double from) {
  into.real(from);
}
inline void write(Output& into, const std::string& from) {
  into.string(from);
}
inline void write(Output& into, const RawJson& from) {
  into.raw(from);
}

bool find_unread(const Node& object, std::string_view key, std::string& text);
std::shared_ptr<Document> parse(std::string_view text, std::string_view source,
                                std::span<const std::string_view> unread);
Node root(Document& document);
std::optional<Error> take_error(Document& document);

template <class T>
concept Integer = std::integral<T> && !std::same_as<T, bool>;
template <class T>
concept Named = std::is_enum_v<T>;
template <class T>
concept Textual = requires(const T& value, std::string_view text) {
  { T::parse(text) } -> std::same_as<Result<T>>;
  { value.string() } -> std::convertible_to<std::string>;
};

template <Integer T>
void read(const Node& node, T& value);
template <Named T>
void read(const Node& node, T& value);
template <Textual T>
void read(const Node& node, T& value);
template <class T>
requires std::is_class_v<T> &&(!Textual<T>)void read(const Node& node, T& value);
template <class T>
void read(const Node& node, std::optional<T>& value);
template <class T>
void read(const Node& node, std::vector<T>& value);
template <class T>
void read(const Node& node, std::map<std::string, T>& value);

}  // namespace json_detail

// The visitor that fills a struct from an object.
class JsonReader {
 public:
  static constexpr bool reading = true;
  explicit JsonReader(const json_detail::Node& node) : node_(node) {}

  template <class T>
  void operator()(std::string_view name, T& value) {
    json_detail::Node member{};
    if (!json_detail::failed(node_) && json_detail::find(node_, name, member))
      json_detail::read(member, value);
  }
  template <class T>
  void always(std::string_view name, T& value) {
    (*this)(name, value);
  }
  template <class T>
  void required(std::string_view name, T& value) {
    if (json_detail::failed(node_)) return;
    json_detail::Node member{};
    if (!json_detail::find(node_, name, member)) {
      json_detail::fail_rule(node_, format("required member \"{}\" is missing", name));
      return;
    }
    json_detail::read(member, value);
  }
  bool has(std::string_view name) const {
    json_detail::Node member{};
    return json_detail::find(node_, name, member);
  }
  std::vector<std::string> keys() const { return json_detail::keys(node_); }
  // Whether the member is the one that parse_json left unread: then its text.
  bool unread(std::string_view name, std::string& text) const {
    return json_detail::find_unread(node_, name, text);
  }
  // Keeps "PATH: RULE" as the parse's error, for rules between members.
  void fail(std::string_view rule) { json_detail::fail_rule(node_, rule); }

 private:
  const json_detail::Node& node_;
};

namespace json_detail {

template <class T>
bool is_blank(const T&) {
  return false;
}
inline bool is_blank(const std::string& value) {
  return value.empty();
}
inline bool is_blank(const RawJson& value) {
  return value.text.empty();
}
template <class T>
bool is_blank(const std::optional<T>& value) {
  return !value.has_value();
}
template <class T>
bool is_blank(const std::vector<T>& value) {
  return value.empty();
}
template <class T>
bool is_blank(const std::map<std::string, T>& value) {
  return value.empty();
}

template <Integer T>
void write(Output& into, const T& value);
template <Named T>
void write(Output& into, const T& value);
template <Textual T>
void write(Output& into, const T& value);
template <class T>
requires std::is_class_v<T> &&(!Textual<T>)void write(Output& into, const T& value);
template <class T>
void write(Output& into, const std::optional<T>& value);
template <class T>
void write(Output& into, const std::vector<T>& value);
template <class T>
void write(Output& into, const std::map<std::string, T>& value);

}  // namespace json_detail

// The visitor that writes a struct as an object, members in the table's order. Empty strings, lists, maps,
// RawJson and optionals are left out, unless visited with `always` or `required`; numbers and bools are
// always written.
class JsonWriter {
 public:
  static constexpr bool reading = false;
  explicit JsonWriter(json_detail::Output& output) : output_(output) {}

  template <class T>
  void operator()(std::string_view name, T& value) {
    if (!json_detail::is_blank(value)) always(name, value);
  }
  template <class T>
  void always(std::string_view name, T& value) {
    output_.key(name);
    json_detail::write(output_, value);
  }
  template <class T>
  void required(std::string_view name, T& value) {
    always(name, value);
  }
  void fail(std::string_view) {}

 private:
  json_detail::Output& output_;
};

namespace json_detail {

template <Integer T>
void read(const Node& node, T& value) {
  if constexpr (std::is_signed_v<T>) {
    int64_t wide = 0;
    if (read_signed(node, std::numeric_limits<T>::min(), std::numeric_limits<T>::max(), wide)) {
      value = static_cast<T>(wide);
    }
  } else {
    uint64_t wide = 0;
    if (read_unsigned(node, std::numeric_limits<T>::max(), wide)) value = static_cast<T>(wide);
  }
}

template <Named T>
void read(const Node& node, T& value) {
  std::string text;
  read(node, text);
  if (failed(node)) return;
  if (const auto found = enum_value<T>(text)) {
    value = *found;
    return;
  }
  std::vector<std::string_view> names;
  for (const auto& entry : enum_names(T{})) names.push_back(entry.name);
  fail_enum(node, names);
}

template <Textual T>
void read(const Node& node, T& value) {
  std::string text;
  read(node, text);
  if (failed(node)) return;
  auto parsed = T::parse(text);
  if (parsed) {
    value = std::move(parsed).value();
  } else {
    fail_rule(node, parsed.error().message());
  }
}

template <class T>
requires std::is_class_v<T> &&(!Textual<T>)void read(const Node& node, T& value) {
  if (!check_object(node)) return;
  JsonReader reader(node);
  members(reader, value);
}

template <class T>
void read(const Node& node, std::optional<T>& value) {
  value.emplace();
  read(node, *value);
}

template <class T>
void read(const Node& node, std::vector<T>& value) {
  value.clear();
  const size_t size = array_size(node);
  for (size_t i = 0; i < size && !failed(node); ++i) {
    T element{};
    read(child(node, i), element);
    value.push_back(std::move(element));
  }
}

template <class T>
void read(const Node& node, std::map<std::string, T>& value) {
  value.clear();
  if (!check_object(node)) return;
  for (size_t i = 0; i < member_count(node) && !failed(node); ++i) {
    const Node member = child(node, i);
    if (!is_null(member)) read(member, value[std::string(key(member))]);
  }
}

template <Integer T>
void write(Output& into, const T& value) {
  if constexpr (std::is_signed_v<T>) {
    into.negative(value);
  } else {
    into.natural(value);
  }
}

template <Named T>
void write(Output& into, const T& value) {
  into.string(enum_name(value));
}

template <Textual T>
void write(Output& into, const T& value) {
  write(into, std::string(value.string()));
}

template <class T>
requires std::is_class_v<T> &&(!Textual<T>)void write(Output& into, const T& value) {
  into.begin_object();
  JsonWriter writer(into);
  members(writer, const_cast<T&>(value));  // NOLINT: one table serves both ways, and a writer only reads
  into.end_object();
}

template <class T>
void write(Output& into, const std::optional<T>& value) {
  if (value) return write(into, *value);
  into.null();
}

template <class T>
void write(Output& into, const std::vector<T>& value) {
  into.begin_array();
  for (const auto& element : value) {
    into.element();
    write(into, element);
  }
  into.end_array();
}

template <class T>
void write(Output& into, const std::map<std::string, T>& value) {
  into.begin_object();
  for (const auto& [name, element] : value) {
    into.key(name);
    write(into, element);
  }
  into.end_object();
}

}  // namespace json_detail

// `source` names the text in errors: a file's path, "request body". Refused besides what isn't JSON: a byte
// order mark, duplicate keys, NUL in strings, nesting deeper than 128. The object at `unread`, the members'
// names on the way to it, is left as it stands, for a table that asks for it with JsonReader::unread: nothing
// is known of it but that it ends.
template <class T>
Result<T> parse_json(std::string_view text, std::string_view source,
                     std::span<const std::string_view> unread = {}) {
  const auto document = json_detail::parse(text, source, unread);
  T value{};
  if (auto error = json_detail::take_error(*document)) return std::move(*error);
  json_detail::read(json_detail::root(*document), value);
  if (auto error = json_detail::take_error(*document)) return std::move(*error);
  return value;
}

// On one line; or with `indent` spaces a level.
template <class T>
std::string to_json(const T& value, int indent = -1) {
  json_detail::Output output(indent);
  json_detail::write(output, value);
  return output.take();
}

}  // namespace gantry
