#include "base/json.h"

#include "base/format.h"
#include "base/json_document.h"
#include "base/json_output.h"

namespace gantry::json_detail {
namespace {

constexpr size_t longest_shown = 80;

const Item& item_of(const Node& node) {
  return *node.item;
}

std::string path_of(const Node& node) {
  if (node.parent == nullptr) return "$";
  const std::string before = path_of(*node.parent);
  if (item_of(*node.parent).kind == Kind::array) {
    return format("{}[{}]", before, node.item - item_of(*node.parent).value.children);
  }
  return path_of_member(before, node.item->key);
}

// With an ellipsis where it was too long, never within a character.
std::string shortened(std::string text) {
  if (text.size() <= longest_shown) return text;
  size_t end = longest_shown - 3;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "…";
}

std::string shown(const Item& item) {
  switch (item.kind) {
    case Kind::object:
      return "an object";
    case Kind::array:
      return "an array";
    case Kind::unread:
      return "an unread object";
    case Kind::string: {
      Output text(-1);
      text.string(item.text.substr(0, 2 * longest_shown));
      return shortened(text.take());
    }
    case Kind::null:
    case Kind::boolean:
    case Kind::negative:
    case Kind::natural:
    case Kind::real:
      return shortened(std::string(item.text));
  }
  return {};
}

}  // namespace

void fail_rule(const Node& node, std::string_view rule) {
  if (!node.document->error)
    node.document->error = Error::invalid(node.document->source, path_of(node), "{}", rule);
}

void fail(const Node& node, std::string_view expected) {
  fail_rule(node, format("must be {}, found {}", expected, shown(item_of(node))));
}

bool failed(const Node& node) {
  return node.document->error.has_value();
}

bool find(const Node& object, std::string_view key, Node& member) {
  if (item_of(object).kind != Kind::object) return false;
  for (const Item& item : item_of(object).items()) {
    if (item.key != key) continue;
    if (item.kind == Kind::null) return false;
    member = Node{object.document, &item, &object};
    return true;
  }
  return false;
}

bool check_object(const Node& node) {
  if (item_of(node).kind == Kind::object) return true;
  fail(node, "an object");
  return false;
}

size_t array_size(const Node& node) {
  if (item_of(node).kind == Kind::array) return item_of(node).count;
  fail(node, "an array");
  return 0;
}

size_t member_count(const Node& object) {
  return item_of(object).kind == Kind::object ? item_of(object).count : 0;
}

Node child(const Node& container, size_t index) {
  return Node{container.document, &item_of(container).items()[index], &container};
}

std::string_view key(const Node& member) {
  return member.item->key;
}

bool is_null(const Node& node) {
  return item_of(node).kind == Kind::null;
}

std::vector<std::string> keys(const Node& object) {
  std::vector<std::string> names;
  if (item_of(object).kind != Kind::object) return names;
  for (const Item& item : item_of(object).items()) names.emplace_back(item.key);
  return names;
}

void read(const Node& node, bool& value) {
  if (item_of(node).kind == Kind::boolean) {
    value = item_of(node).value.boolean;
  } else {
    fail(node, "true or false");
  }
}

void read(const Node& node, double& value) {
  const Item& item = item_of(node);
  if (item.kind == Kind::real) {
    value = item.value.real;
  } else if (item.kind == Kind::negative) {
    value = static_cast<double>(item.value.negative);
  } else if (item.kind == Kind::natural) {
    value = static_cast<double>(item.value.natural);
  } else {
    fail(node, "a number");
  }
}

void read(const Node& node, std::string& value) {
  if (item_of(node).kind == Kind::string) {
    value = item_of(node).text;
  } else {
    fail(node, "a string");
  }
}

void read(const Node& node, RawJson& value) {
  Output text(-1);
  text.item(item_of(node));
  value.text = text.take();
}

bool read_signed(const Node& node, int64_t least, int64_t most, int64_t& value) {
  const Item& from = item_of(node);
  const bool negative = from.kind == Kind::negative;
  const bool fits = negative || (from.kind == Kind::natural && from.value.natural <= uint64_t{INT64_MAX});
  const int64_t found = negative ? from.value.negative : fits ? static_cast<int64_t>(from.value.natural) : 0;
  if (!fits || found < least || found > most) {
    fail(node, format("a whole number from {} to {}", least, most));
    return false;
  }
  value = found;
  return true;
}

bool read_unsigned(const Node& node, uint64_t most, uint64_t& value) {
  const Item& from = item_of(node);
  const bool zero = from.kind == Kind::negative && from.value.negative == 0;  // "-0"
  const uint64_t found = from.kind == Kind::natural ? from.value.natural : 0;
  if ((from.kind != Kind::natural && !zero) || found > most) {
    fail(node, format("a whole number from 0 to {}", most));
    return false;
  }
  value = found;
  return true;
}

void fail_enum(const Node& node, const std::vector<std::string_view>& names) {
  std::string expected = "one of ";
  for (size_t i = 0; i < names.size(); ++i) expected += format("{}{}", i > 0 ? ", " : "", names[i]);
  fail(node, expected);
}

bool find_unread(const Node& object, std::string_view key, std::string& text) {
  Node member{};
  if (!find(object, key, member) || member.item->kind != Kind::unread) return false;
  text = member.item->text;
  return true;
}

std::shared_ptr<Document> parse(std::string_view text, std::string_view source,
                                std::span<const std::string_view> unread) {
  auto document = std::make_shared<Document>();
  document->source = source;
  parse_document(text, *document, unread);
  return document;
}

Node root(Document& document) {
  return Node{&document, &document.root, nullptr};
}

std::optional<Error> take_error(Document& document) {
  return std::exchange(document.error, std::nullopt);
}

}  // namespace gantry::json_detail
