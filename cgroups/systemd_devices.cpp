#include "base/text.h"
#include "cgroups/device_program.h"
#include "cgroups/systemd_properties.h"

#include <algorithm>
#include <optional>

namespace gantry::cgroups {
namespace {

// The name of a major number in /proc/devices: "136 pts". Absent: no driver has it.
std::optional<std::string> group_name(const std::string& device_groups, bool block, int64_t major) {
  bool in_section = false;
  for (const auto& line : split(device_groups, '\n')) {
    if (line.find("devices:") != std::string::npos) {
      in_section = (line.rfind("Block", 0) == 0) == block;
      continue;
    }
    const auto words = split(trim(line), ' ');
    if (in_section && words.size() == 2 && words[0] == std::to_string(major)) return words[1];
  }
  return std::nullopt;
}

// How systemd calls the devices of a rule. Absent: it has no words for them.
std::optional<std::string> node_of(const oci::DeviceRule& rule, const std::string& device_groups) {
  const bool block = rule.type == "b";
  const std::string kind = block ? "block" : "char";
  const bool every_major = rule.major.value_or(-1) < 0;
  const bool every_minor = rule.minor.value_or(-1) < 0;
  if (every_major) return every_minor ? std::optional(kind + "-*") : std::nullopt;
  if (!every_minor) return format("/dev/{}/{}:{}", kind, *rule.major, *rule.minor);
  auto name = group_name(device_groups, block, *rule.major);
  if (name) name = kind + "-" + *name;
  return name;
}

void deny(const std::string& node, const std::string& access, UnitProperty::DeviceList& list) {
  for (auto& [allowed, rights] : list) {
    if (allowed == node) std::erase_if(rights, [&](char right) { return access.find(right) != access.npos; });
  }
  std::erase_if(list, [](const auto& entry) { return entry.second.empty(); });
}

void allow(const std::string& node, const std::string& access, UnitProperty::DeviceList& list) {
  for (auto& [allowed, rights] : list) {
    if (allowed != node) continue;
    for (const char right : access) {
      if (rights.find(right) == std::string::npos) rights += right;
    }
    return;
  }
  list.emplace_back(node, access);
}

// Absent: all devices, or some that systemd has no words for.
std::optional<UnitProperty::DeviceList> allow_list(const std::vector<oci::DeviceRule>& rules,
                                                   const std::string& device_groups) {
  UnitProperty::DeviceList list;
  bool everything = false;
  for (const auto& rule : rules) {
    const std::string access = rule.access.empty() ? "rwm" : rule.access;
    const bool every_type = rule.type.empty() || rule.type == "a";
    if (every_type && rule.major.value_or(-1) < 0 && rule.minor.value_or(-1) < 0 && access.size() == 3) {
      everything = rule.allow;
      list.clear();
      continue;
    }
    const auto node = every_type ? std::nullopt : node_of(rule, device_groups);
    if (rule.allow && !node) return std::nullopt;
    if (node && rule.allow) allow(*node, access, list);
    if (node && !rule.allow) deny(*node, access, list);
  }
  if (everything) return std::nullopt;
  return list;
}

}  // namespace

UnitProperties device_properties(const std::vector<oci::DeviceRule>& rules,
                                 const std::string& device_groups) {
  const auto list = allow_list(effective_rules(rules), device_groups);
  if (!list) return {{"DevicePolicy", std::string("auto")}, {"DeviceAllow", UnitProperty::DeviceList()}};
  // The empty list first, as systemd adds to what was there before an update.
  UnitProperties properties = {{"DevicePolicy", std::string("strict")},
                               {"DeviceAllow", UnitProperty::DeviceList()}};
  properties.push_back({"DeviceAllow", *list});
  return properties;
}

}  // namespace gantry::cgroups
