#include "cli/template.h"

#include "base/text.h"

#include <nlohmann/json.hpp>

namespace gantry::cli {

namespace {

using Json = nlohmann::ordered_json;

Result<const Json*> step_into(const Json* value, const std::string& key, const std::string& expression) {
  if (value->is_object() && value->contains(key)) return &value->at(key);
  const auto number = parse_unsigned("index", key, UINT32_MAX);
  if (value->is_array() && number && *number < value->size()) return &value->at(*number);
  return Error::make(ErrorKind::invalid, "template: {}: there is no \"{}\"", expression, key);
}

// ".State.Pid"
Result<const Json*> follow(const Json& root, const std::string& path, const std::string& expression) {
  if (path.empty() || path[0] != '.') {
    return Error::make(ErrorKind::unsupported, "template: {{{{{}}}}} is not supported", expression);
  }
  const Json* value = &root;
  for (const auto& key : split(path.substr(1), '.')) {
    if (!key.empty()) value = TRY(step_into(value, key, expression));
  }
  return value;
}

std::string as_text(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_null()) return "<no value>";
  return value.dump();
}

// index .A.B "key"
Result<std::string> index(const Json& root, const std::string& rest, const std::string& expression) {
  const size_t quote = rest.find('"');
  if (quote == std::string::npos || rest.back() != '"' || rest.size() < quote + 2) {
    return Error::make(ErrorKind::unsupported, "template: {{{{{}}}}} is not supported", expression);
  }
  const std::string path(trim(rest.substr(0, quote)));
  const Json* value = TRY(follow(root, path, expression));
  const std::string key = rest.substr(quote + 1, rest.size() - quote - 2);
  const Json* found = TRY(step_into(value, key, expression));
  return as_text(*found);
}

Result<std::string> evaluate(const Json& root, const std::string& expression) {
  if (expression.rfind("json ", 0) == 0) {
    const Json* value = TRY(follow(root, std::string(trim(expression.substr(5))), expression));
    return value->dump();
  }
  if (expression.rfind("index ", 0) == 0) return index(root, expression.substr(6), expression);
  const Json* value = TRY(follow(root, expression, expression));
  return as_text(*value);
}

std::string unescape(std::string text) {
  for (const auto& [from, to] : {std::pair("\\n", "\n"), std::pair("\\t", "\t")}) {
    for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + 1)) {
      text.replace(at, 2, to);
    }
  }
  return text;
}

}  // namespace

Result<std::string> render_template(const std::string& text, const std::string& json) {
  const Json root = Json::parse(json, nullptr, false);
  if (root.is_discarded()) return Error::make(ErrorKind::corrupt, "template: the document isn't JSON");
  const std::string source = unescape(text);
  std::string result;
  size_t at = 0;
  for (;;) {
    const size_t open = source.find("{{", at);
    result += source.substr(at, open - at);
    if (open == std::string::npos) return result;
    const size_t close = source.find("}}", open);
    if (close == std::string::npos) {
      return Error::make(ErrorKind::invalid, "template: \"{{{{\" without \"}}}}\" in \"{}\"", text);
    }
    result += TRY(evaluate(root, std::string(trim(source.substr(open + 2, close - open - 2)))));
    at = close + 2;
  }
}

}  // namespace gantry::cli
