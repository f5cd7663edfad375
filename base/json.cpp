#include "base/json.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

namespace gantry::json_detail {

using Value = nlohmann::ordered_json;

struct Document {
  std::string source;
  Value value;
  std::optional<Error> error;
};

namespace {

constexpr int deepest = 128;

const Value& value_of(const Node& node) {
  return *static_cast<const Value*>(node.value);
}
Value& value_at(void* value) {
  return *static_cast<Value*>(value);
}

std::string path_of(const Node& node) {
  if (node.parent == nullptr) return "$";
  const std::string before = path_of(*node.parent);
  if (value_of(*node.parent).is_array()) return format("{}[{}]", before, node.index);
  const bool plain = !node.key.empty() && std::all_of(node.key.begin(), node.key.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-';
  });
  return plain ? format("{}.{}", before, node.key) : format("{}[\"{}\"]", before, node.key);
}

std::string shown(const Value& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "an array";
  std::string text = value.dump(-1, ' ', false, Value::error_handler_t::replace);
  if (text.size() > 80) text = text.substr(0, 77) + "…";
  return text;
}

// Builds the document and refuses what nlohmann's parser would let through.
class StrictBuilder : public nlohmann::detail::json_sax_dom_parser<Value> {
  using Base = nlohmann::detail::json_sax_dom_parser<Value>;

 public:
  StrictBuilder(Value& value, std::string& problem) : Base(value, false), problem_(problem) {}

  bool start_object(std::size_t size) {
    keys_.emplace_back();
    return check_depth() && Base::start_object(size);
  }
  bool end_object() {
    keys_.pop_back();
    return Base::end_object();
  }
  bool start_array(std::size_t size) {
    keys_.emplace_back();
    return check_depth() && Base::start_array(size);
  }
  bool end_array() {
    keys_.pop_back();
    return Base::end_array();
  }
  bool key(std::string& name) {
    if (!check_string(name)) return false;
    if (!keys_.back().insert(name).second) {
      problem_ = format("member \"{}\" stands twice in one object", name);
      return false;
    }
    return Base::key(name);
  }
  bool string(std::string& text) { return check_string(text) && Base::string(text); }
  template <class Exception>
  bool parse_error(std::size_t, const std::string&, const Exception& error) {
    // "[json.exception.parse_error.101] parse error at line 1, column 3: …": the part from "line" on.
    const std::string text = error.what();
    const auto at = text.find("line ");
    problem_ = "not JSON: " + (at == std::string::npos ? text : text.substr(at));
    return false;
  }

 private:
  bool check_depth() {
    if (keys_.size() <= deepest) return true;
    problem_ = format("nested deeper than {}", deepest);
    return false;
  }
  bool check_string(const std::string& text) {
    if (text.find('\0') == std::string::npos) return true;
    problem_ = "a string holds a NUL character";
    return false;
  }

  std::string& problem_;
  std::vector<std::set<std::string>> keys_;
};

}  // namespace

void fail_rule(const Node& node, std::string_view rule) {
  if (!node.document->error)
    node.document->error = Error::invalid(node.document->source, path_of(node), "{}", rule);
}

void fail(const Node& node, std::string_view expected) {
  fail_rule(node, format("must be {}, found {}", expected, shown(value_of(node))));
}

bool failed(const Node& node) {
  return node.document->error.has_value();
}

bool find(const Node& object, std::string_view key, Node& member) {
  const Value& value = value_of(object);
  if (!value.is_object()) return false;
  const auto found = value.find(std::string(key));
  if (found == value.end() || found->is_null()) return false;
  // The key's text must outlive the node: the document's own does.
  member = Node{object.document, &*found, &object, found.key(), 0};
  return true;
}

bool check_object(const Node& node) {
  if (value_of(node).is_object()) return true;
  fail(node, "an object");
  return false;
}

size_t array_size(const Node& node) {
  if (value_of(node).is_array()) return value_of(node).size();
  fail(node, "an array");
  return 0;
}

Node array_element(const Node& array, size_t index) {
  return Node{array.document, &value_of(array)[index], &array, {}, index};
}

std::vector<std::string> keys(const Node& object) {
  std::vector<std::string> names;
  if (!value_of(object).is_object()) return names;
  for (const auto& item : value_of(object).items()) names.push_back(item.key());
  return names;
}

void read(const Node& node, bool& value) {
  if (value_of(node).is_boolean()) {
    value = value_of(node).get<bool>();
  } else {
    fail(node, "true or false");
  }
}

void read(const Node& node, double& value) {
  if (value_of(node).is_number()) {
    value = value_of(node).get<double>();
  } else {
    fail(node, "a number");
  }
}

void read(const Node& node, std::string& value) {
  if (value_of(node).is_string()) {
    value = value_of(node).get_ref<const std::string&>();
  } else {
    fail(node, "a string");
  }
}

void read(const Node& node, RawJson& value) {
  value.text = value_of(node).dump();
}

bool read_signed(const Node& node, int64_t least, int64_t most, int64_t& value) {
  const Value& from = value_of(node);
  const bool fits = from.is_number_integer() &&
                    (!from.is_number_unsigned() || from.get<uint64_t>() <= static_cast<uint64_t>(INT64_MAX));
  if (!fits || from.get<int64_t>() < least || from.get<int64_t>() > most) {
    fail(node, format("a whole number from {} to {}", least, most));
    return false;
  }
  value = from.get<int64_t>();
  return true;
}

bool read_unsigned(const Node& node, uint64_t most, uint64_t& value) {
  const Value& from = value_of(node);
  const bool fits = from.is_number_unsigned() || (from.is_number_integer() && from.get<int64_t>() >= 0);
  if (!fits || from.get<uint64_t>() > most) {
    fail(node, format("a whole number from 0 to {}", most));
    return false;
  }
  value = from.get<uint64_t>();
  return true;
}

void fail_enum(const Node& node, const std::vector<std::string_view>& names) {
  std::string expected = "one of ";
  for (size_t i = 0; i < names.size(); ++i) expected += format("{}{}", i > 0 ? ", " : "", names[i]);
  fail(node, expected);
}

void* add_member(void* object, std::string_view key) {
  return &value_at(object)[std::string(key)];
}

void* add_element(void* array) {
  value_at(array).push_back(nullptr);
  return &value_at(array).back();
}

void make_object(void* value) {
  if (!value_at(value).is_object()) value_at(value) = Value::object();
}

void make_array(void* value) {
  value_at(value) = Value::array();
}

void write(void* value, bool from) {
  value_at(value) = from;
}
void write(void* value, double from) {
  value_at(value) = from;
}
void write(void* value, const std::string& from) {
  value_at(value) = from;
}
void write(void* value, const RawJson& from) {
  value_at(value) = Value::parse(from.text, nullptr, false);
}
void write_signed(void* value, int64_t from) {
  value_at(value) = from;
}
void write_unsigned(void* value, uint64_t from) {
  value_at(value) = from;
}

std::shared_ptr<Document> parse(std::string_view text, std::string_view source) {
  auto document = std::make_shared<Document>();
  document->source = source;
  std::string problem;
  if (text.substr(0, 3) == "\xEF\xBB\xBF") {
    problem = "not JSON: begins with a byte order mark";
  } else {
    StrictBuilder builder(document->value, problem);
    Value::sax_parse(text.begin(), text.end(), &builder);
  }
  if (!problem.empty()) document->error = Error::invalid(document->source, "$", "{}", problem);
  return document;
}

Node root(Document& document) {
  return Node{&document, &document.value, nullptr, {}, 0};
}

std::optional<Error> take_error(Document& document) {
  return std::exchange(document.error, std::nullopt);
}

std::shared_ptr<void> new_value() {
  return std::make_shared<Value>();
}

std::string dump(const void* value, int indent) {
  return static_cast<const Value*>(value)->dump(indent, ' ', false, Value::error_handler_t::replace);
}

}  // namespace gantry::json_detail
