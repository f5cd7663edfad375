#pragma once

#include "base/result.h"

#include <cstdint>
#include <memory_resource>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// A parsed JSON text, for base/json.cpp alone; everyone else reads structs with parse_json.

namespace gantry::json_detail {

enum class Kind : uint8_t { null, boolean, negative, natural, real, string, array, object, unread };

// One value, and its key when it is a member. Views are into the text, or into the document where a string
// had escapes.
struct Item {
  std::string_view key;
  std::string_view text;  // a string's characters, any other value as it stands in the text
  Kind kind = Kind::null;
  uint32_t count = 0;  // children
  union {
    const Item* children;
    bool boolean;
    int64_t negative;
    uint64_t natural;
    double real;
  } value = {};

  std::span<const Item> items() const { return {count > 0 ? value.children : nullptr, count}; }
};

struct Document {
  std::string source;  // the text's name in errors
  std::pmr::monotonic_buffer_resource memory;
  Item root;
  std::optional<Error> error;
};

// Parses RFC 8259 strictly, and refuses besides: a byte order mark, duplicate keys, NUL in strings, text that
// isn't UTF-8, nesting deeper than 128, numbers beyond a double. Whole numbers within 64 bits are exact.
// `text` must outlive the document. Errors, in document.error: "SOURCE: $: not JSON: line 2, column 7: RULE",
// or with the JSON path of what breaks another rule. The object at `unread`, the members' names on the way to
// it, is kept as text whose brackets and quotes match, and no other rule is checked in it.
void parse_document(std::string_view text, Document& document, std::span<const std::string_view> unread = {});

std::string path_of_member(std::string_view before, std::string_view key);  // "$.a" or "$[\"a b\"]"
// The length of the UTF-8 character that `text` begins with; 0: it begins with none. RFC 3629.
size_t utf8_length(std::string_view text);

}  // namespace gantry::json_detail
