#include "api/unsupported_members.h"

#include <algorithm>

namespace gantry::api {

struct ObjectParts {
  std::vector<RawJson> values;
};

template <class Visitor>
void members(Visitor& visit, ObjectParts& parts) {
  if constexpr (Visitor::reading) {
    for (const auto& name : visit.keys()) visit(name, parts.values.emplace_back());
  }
}

bool asks_for_nothing(const RawJson& given) {
  static const std::set<std::string_view> blanks = {"", "null", "false", "0", "0.0", "\"\""};
  if (blanks.contains(given.text)) return true;
  const auto are_blank = [](const std::vector<RawJson>& values) {
    return std::all_of(values.begin(), values.end(), asks_for_nothing);
  };
  if (given.text[0] == '[') {
    const auto elements = parse_json<std::vector<RawJson>>(given.text, "member");
    return elements && are_blank(*elements);
  }
  if (given.text[0] != '{') return false;
  const auto parts = parse_json<ObjectParts>(given.text, "member");
  return parts && are_blank(parts->values);
}

}  // namespace gantry::api
