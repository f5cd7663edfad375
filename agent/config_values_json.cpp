#include "agent/config.h"
#include "agent/config_values.h"
#include "base/json.h"
#include "base/text.h"

namespace gantry::agent {

namespace {

template <class T>
struct Holder {
  T value;
};

template <class Visitor, class T>
void members(Visitor& visit, Holder<T>& holder) {
  visit.required("value", holder.value);
}

template <class T>
Result<T> parse_value(const std::string& name, const std::string& json) {
  auto parsed = parse_json<Holder<T>>(format(R"({{"value":{}}})", json), name);
  if (!parsed) return std::move(parsed).error();
  return std::move(parsed->value);
}

}  // namespace

Result<bool> parse_bool(const std::string& name, const std::string& value) {
  const auto lower = to_lower(value);
  if (lower == "true" || lower == "1" || lower == "t") return true;
  if (lower == "false" || lower == "0" || lower == "f") return false;
  return Error::make(ErrorKind::invalid, "{}: must be true or false, found \"{}\"", name, value);
}

Result<std::vector<std::string>> parse_string_list(const std::string& name, const std::string& json) {
  return parse_value<std::vector<std::string>>(name, json);
}

Result<std::vector<std::string>> parse_port_list(const std::string& name, const std::string& json) {
  std::vector<std::string> ports;
  for (const auto port : TRY(parse_value<std::vector<uint16_t>>(name, json)))
    ports.push_back(format("{}", port));
  return ports;
}

Result<std::map<std::string, std::string>> parse_string_map(const std::string& name,
                                                            const std::string& json) {
  return parse_value<std::map<std::string, std::string>>(name, json);
}

}  // namespace gantry::agent
