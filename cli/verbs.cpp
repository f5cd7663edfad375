#include "cli/verbs.h"

#include "base/format.h"

#include <algorithm>
#include <iterator>

namespace gantry::cli {

namespace {

constexpr std::pair<std::string_view, std::string_view> groups[] = {
    {"builder", "Manage the cache of builds"},
    {"container", "Manage containers"},
    {"image", "Manage images"},
    {"monitor", "Manage the monitors of containers"},
    {"system", "Show and check what is on disk"}};

const std::vector<VerbEntry>& all_verbs() {
  static const std::vector<VerbEntry> all = [] {
    std::vector<VerbEntry> verbs;
    for (const auto group :
         {run_verbs, build_verbs, life_verbs, list_verbs, usage_verbs, exec_verbs, inspect_verbs, image_verbs,
          transfer_verbs, archive_verbs, login_verbs, system_verbs, store_care_verbs}) {
      auto more = group();
      std::move(more.begin(), more.end(), std::back_inserter(verbs));
    }
    return verbs;
  }();
  return all;
}

std::optional<VerbEntry> verb_named(const std::string& name) {
  for (const auto& verb : all_verbs()) {
    if (std::find(verb.names.begin(), verb.names.end(), name) != verb.names.end()) return verb;
  }
  return std::nullopt;
}

// The first of its names that is in the group, without the group's: "ls".
std::optional<std::string> name_in_group(const VerbEntry& verb, const std::string& group) {
  for (const auto& name : verb.names) {
    if (name.rfind(group + " ", 0) == 0) return name.substr(group.size() + 1);
  }
  return std::nullopt;
}

}  // namespace

std::string group_summary(const std::string& name) {
  for (const auto& [group, summary] : groups) {
    if (group == name) return std::string(summary);
  }
  return {};
}

Found find_verb(const std::vector<std::string>& words) {
  Found found;
  found.name = words[0];
  found.arguments.assign(words.begin() + 1, words.end());
  found.group = !group_summary(words[0]).empty();
  const bool alone = words.size() < 2 || words[1].rfind('-', 0) == 0;
  if (found.group && alone) return found;
  if (found.group) {
    found.name += " " + words[1];
    found.arguments.erase(found.arguments.begin());
    found.group = false;
  }
  found.verb = verb_named(found.name);
  return found;
}

Title title_of(const VerbEntry& verb, const std::string& name) {
  Title title{"gantry " + name, verb.summary, {}};
  for (const auto& alias : verb.names) title.aliases.push_back("gantry " + alias);
  return title;
}

std::string commands_help(const std::string& group) {
  std::vector<std::pair<std::string, std::string>> rows;
  for (const auto& verb : all_verbs()) {
    const auto name = group.empty() ? verb.names[0] : name_in_group(verb, group);
    const bool in_a_group = group.empty() && verb.names[0].find(' ') != std::string::npos;
    if (verb.listed && name && !in_a_group) rows.emplace_back(*name, verb.summary);
  }
  std::string text = "Commands:\n" + two_columns(rows);
  if (!group.empty()) return text;
  rows.clear();
  for (const auto& [name, summary] : groups) rows.emplace_back(name, summary);
  return text + "\nGroups of commands:\n" + two_columns(rows);
}

}  // namespace gantry::cli
