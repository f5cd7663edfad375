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

Result<std::chrono::nanoseconds> parse_duration(std::string_view what, std::string_view text) {
  const std::vector<std::pair<std::string_view, double>> units = {{"ns", 1},  {"us", 1e3}, {"ms", 1e6},
                                                                  {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}};
  double total = 0;
  auto rest = trim(text);
  const auto bad = [&] {
    return Error::make(ErrorKind::invalid, "{}: must be a duration such as 30s, 1h30m or 100ms, found \"{}\"",
                       what, text);
  };
  if (rest.empty()) return bad();
  while (!rest.empty()) {
    const auto digits = rest.find_first_not_of("0123456789");
    if (digits == 0 || digits == std::string_view::npos) return bad();
    const auto number = parse_unsigned(what, rest.substr(0, digits), 1'000'000'000);
    if (!number) return bad();
    rest = rest.substr(digits);
    const auto length = std::min(rest.find_first_of("0123456789"), rest.size());
    double unit = 0;
    for (const auto& [name, nanoseconds] : units) {
      if (rest.substr(0, length) == name) unit = nanoseconds;
    }
    if (unit == 0) return bad();
    total += static_cast<double>(*number) * unit;
    rest = rest.substr(length);
  }
  if (total > 9e18) return bad();
  return std::chrono::nanoseconds(static_cast<int64_t>(total));
}

}  // namespace gantry::agent
