#include "cli/filter.h"

#include "cli/texts.h"

#include <algorithm>
#include <set>

namespace gantry::cli {

namespace {

const std::set<std::string> known_keys = {"id", "name", "label", "status", "ancestor", "health", "exited"};

bool has_label(const engine::ContainerInfo& info, const std::string& text) {
  const size_t equals = text.find('=');
  const auto found = info.spec.labels.find(text.substr(0, equals));
  if (found == info.spec.labels.end()) return false;
  return equals == std::string::npos || found->second == text.substr(equals + 1);
}

bool matches_rule(const engine::ContainerInfo& info, const std::string& key, const std::string& value) {
  if (key == "id") return info.id.rfind(value, 0) == 0;
  if (key == "name") return info.name.find(value) != std::string::npos;
  if (key == "label") return has_label(info, value);
  if (key == "status") return state_text(info) == value;
  if (key == "ancestor") return info.spec.image == value || info.image_id.find(value) != std::string::npos;
  if (key == "health") return health_text(info.health) == value;
  return info.state == engine::ContainerState::exited && std::to_string(info.exit_code) == value;
}

}  // namespace

Result<void> ContainerFilter::add(const std::string& text) {
  const size_t equals = text.find('=');
  const std::string key = text.substr(0, equals);
  if (equals == std::string::npos) return Error(ErrorKind::invalid, "must be KEY=VALUE");
  if (known_keys.count(key) == 0) {
    return Error::make(ErrorKind::unsupported,
                       "\"{}\" is not supported (ancestor, exited, health, id, label, name and status are)",
                       key);
  }
  rules_.push_back({key, text.substr(equals + 1)});
  return {};
}

bool ContainerFilter::matches(const engine::ContainerInfo& info) const {
  return std::all_of(known_keys.begin(), known_keys.end(), [&](const std::string& key) {
    bool asked = false;
    for (const auto& rule : rules_) {
      if (rule.key != key) continue;
      if (matches_rule(info, key, rule.value)) return true;
      asked = true;
    }
    return !asked;
  });
}

bool ContainerFilter::selects_states() const {
  return std::any_of(rules_.begin(), rules_.end(),
                     [](const Rule& rule) { return rule.key == "status" || rule.key == "exited"; });
}

}  // namespace gantry::cli
