#include "agent/connection.h"
#include "base/json.h"

namespace gantry::agent {

namespace {

struct Envelope {
  std::string type;
  std::string code;  // {"__type": …} of AWS JSON
  std::string message;
  std::map<std::string, std::string> named;
};

template <class Visitor>
void members(Visitor& visit, Envelope& envelope) {
  if constexpr (Visitor::reading) {
    for (const auto& key : visit.keys()) {
      RawJson raw;
      visit(key, raw);
      const bool text = !raw.text.empty() && raw.text[0] == '"';
      if (key == "type" && text) visit("type", envelope.type);
      if (key == "__type" && text) visit("__type", envelope.code);
      if (key == "message" && text) visit("message", envelope.message);
      if (key.ends_with("Exception") && text) visit(key, envelope.named[key]);
    }
  }
}

}  // namespace

Refusal parse_refusal(const std::string& body) {
  const auto envelope = parse_json<Envelope>(body, "answer");
  if (!envelope) return {{}, body.substr(0, 200)};
  if (!envelope->named.empty()) return {envelope->named.begin()->first, envelope->named.begin()->second};
  const auto name = envelope->type.empty() ? envelope->code : envelope->type;
  return {name.substr(name.find('#') == std::string::npos ? 0 : name.find('#') + 1), envelope->message};
}

}  // namespace gantry::agent
