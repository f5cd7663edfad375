#include "api/ecr_request_rules.h"

#include "base/json.h"
#include "base/text.h"
#include "http/aws_json.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <regex>

namespace gantry::api::ecr {
namespace {

using json_detail::Node;
using rules::Kind;
using rules::Member;
using rules::Shape;
using rules::unbounded;

// Compiled once each; `pattern` is a constant of the table.
bool matches(std::string_view pattern, const std::string& text) {
  static std::mutex mutex;
  static std::map<const char*, std::regex> compiled;
  const std::lock_guard lock(mutex);
  auto found = compiled.find(pattern.data());
  if (found == compiled.end()) {
    found = compiled.emplace(pattern.data(), std::regex(std::string(pattern))).first;
  }
  return std::regex_match(text, found->second);
}

int64_t characters(const std::string& text) {
  return std::count_if(text.begin(), text.end(),
                       [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
}

// Walks a request beside its shape and keeps the first rule that is broken.
class Checker {
 public:
  void structure(const Node& node, std::span<const Member> members, const std::string& path) {
    if (!json_detail::check_object(node)) return;
    for (size_t i = 0; i < json_detail::member_count(node) && good(node); ++i) {
      const auto member = json_detail::child(node, i);
      if (json_detail::is_null(member)) continue;
      const auto name = json_detail::key(member);
      const auto known = std::find_if(members.begin(), members.end(),
                                      [&](const Member& candidate) { return candidate.name == name; });
      if (known == members.end()) {
        fail(below(path, name), "Member is not known to this operation");
      } else {
        value(member, *known->shape, below(path, name));
      }
    }
    for (const auto& member : members) {
      Node found{};
      if (good(node) && member.required && !json_detail::find(node, member.name, found)) {
        fail(below(path, member.name), "Member must not be null");
      }
    }
  }

  const std::optional<http::AwsError>& fault() const { return fault_; }

 private:
  bool good(const Node& node) const { return !fault_ && !json_detail::failed(node); }
  void fail(const std::string& path, std::string_view rule) {
    if (!fault_) fault_ = constraint_error(path, rule);
  }
  static std::string below(const std::string& path, std::string_view name) {
    return path.empty() ? std::string(name) : format("{}.{}", path, name);
  }

  void value(const Node& node, const Shape& shape, const std::string& path) {
    switch (shape.kind) {
      case Kind::text:
        return text(node, shape, path);
      case Kind::number:
        return number(node, shape, path);
      case Kind::choice:
        return choice(node, shape, path);
      case Kind::list:
        return list(node, shape, path);
      case Kind::structure:
        return structure(node, shape.members, path);
      case Kind::flag: {
        bool ignored = false;
        return json_detail::read(node, ignored);
      }
      case Kind::blob: {  // in base64, four characters for three bytes
        std::string encoded;
        json_detail::read(node, encoded);
        return bounds(static_cast<int64_t>(encoded.size() / 4 * 3), shape, path, "length");
      }
    }
  }

  void text(const Node& node, const Shape& shape, const std::string& path) {
    std::string text;
    json_detail::read(node, text);
    if (!good(node)) return;
    bounds(characters(text), shape, path, "length");
    if (good(node) && !shape.pattern.empty() && !matches(shape.pattern, text)) {
      fail(path, format("must satisfy regular expression '{}'", shape.pattern));
    }
  }

  void number(const Node& node, const Shape& shape, const std::string& path) {
    int64_t number = 0;
    if (json_detail::read_signed(node, rules::lowest, unbounded, number))
      bounds(number, shape, path, "value");
  }

  void choice(const Node& node, const Shape& shape, const std::string& path) {
    std::string text;
    json_detail::read(node, text);
    const auto values = split(shape.pattern, '|');
    if (std::find(values.begin(), values.end(), text) != values.end()) return;
    fail(path, format("Member must satisfy enum value set: [{}]", join(values, ", ")));
  }

  void list(const Node& node, const Shape& shape, const std::string& path) {
    const auto size = json_detail::array_size(node);
    if (!good(node)) return;
    bounds(static_cast<int64_t>(size), shape, path, "length");
    for (size_t i = 0; i < size && good(node); ++i) {
      value(json_detail::child(node, i), *shape.element, format("{}.{}.member", path, i + 1));
    }
  }

  void bounds(int64_t number, const Shape& shape, const std::string& path, std::string_view what) {
    if (number < shape.least) {
      fail(path, format("Member must have {} greater than or equal to {}", what, shape.least));
    } else if (number > shape.most) {
      fail(path, format("Member must have {} less than or equal to {}", what, shape.most));
    }
  }

  std::optional<http::AwsError> fault_;
};

}  // namespace

http::AwsError constraint_error(std::string_view name, std::string_view rule) {
  return {"InvalidParameterException",
          format("Invalid parameter at '{}' failed to satisfy constraint: '{}'", name, rule), 400};
}

http::AwsResult<void> check_request(std::string_view operation, std::string_view body) {
  const auto known =
      std::find_if(rules::operations().begin(), rules::operations().end(),
                   [&](const rules::Operation& candidate) { return candidate.name == operation; });
  const auto document = json_detail::parse(body, "request body", {});
  if (auto error = json_detail::take_error(*document)) return http::serialization_error(*error);
  Checker checker;
  const auto root = json_detail::root(*document);
  checker.structure(root, known->members, "");
  if (auto error = json_detail::take_error(*document)) return http::serialization_error(*error);
  if (checker.fault()) return *checker.fault();
  return {};
}

std::vector<std::string> operation_names() {
  std::vector<std::string> names;
  for (const auto& operation : rules::operations()) names.emplace_back(operation.name);
  return names;
}

}  // namespace gantry::api::ecr
