#include "registry/lifecycle_policy.h"

#include "base/json.h"

#include <algorithm>
#include <set>

namespace gantry::registry {
namespace {

using Selects = LifecycleRule::Selects;
using Counts = LifecycleRule::Counts;
using Action = LifecycleRule::Action;

constexpr size_t most_rules = 50;
constexpr int64_t most_wildcards = 4;          // in one tag pattern
constexpr int64_t least_days_in_archive = 90;  // the archive's minimum storage duration

constexpr EnumName<Selects> selects_names[] = {
    {Selects::any, "any"}, {Selects::tagged, "tagged"}, {Selects::untagged, "untagged"}};
constexpr EnumName<Counts> counts_names[] = {{Counts::images, "imageCountMoreThan"},
                                             {Counts::days_since_push, "sinceImagePushed"},
                                             {Counts::days_since_pull, "sinceImagePulled"},
                                             {Counts::days_since_archival, "sinceImageTransitioned"}};
constexpr EnumName<Action> action_names[] = {{Action::expire, "expire"}, {Action::archive, "transition"}};
constexpr EnumName<StorageClass> class_names[] = {{StorageClass::standard, "standard"},
                                                  {StorageClass::archive, "archive"}};

}  // namespace

static std::span<const EnumName<Selects>> enum_names(Selects) {
  return selects_names;
}
static std::span<const EnumName<Counts>> enum_names(Counts) {
  return counts_names;
}
static std::span<const EnumName<Action>> enum_names(Action) {
  return action_names;
}
static std::span<const EnumName<StorageClass>> enum_names(StorageClass) {
  return class_names;
}

namespace {

struct SelectionDocument {
  Selects tag_status = Selects::any;
  std::optional<std::vector<std::string>> tag_prefix_list;
  std::optional<std::vector<std::string>> tag_pattern_list;
  std::optional<StorageClass> storage_class;
  Counts count_type = Counts::images;
  std::string count_unit;
  int64_t count_number = 0;
};
struct ActionDocument {
  Action type = Action::expire;
  std::string target_storage_class;
};
struct LifecycleRuleDocument {
  int64_t rule_priority = 0;
  std::string description;
  SelectionDocument selection;
  ActionDocument action;
};
struct LifecycleDocument {
  std::vector<LifecycleRuleDocument> rules;
};

// Other members, and null, are against the schema.
template <class Visitor>
void allow_properties(Visitor& visit, const std::set<std::string_view>& known) {
  if constexpr (Visitor::reading) {
    for (const auto& key : visit.keys()) {
      if (known.contains(key) && visit.has(key)) continue;
      visit.fail(
          known.contains(key)
              ? format("instance type (null) does not match any allowed primitive type: {}", key)
              : format("object instance has properties which are not allowed by the schema: [\"{}\"]", key));
    }
  }
}

template <class Visitor>
void members(Visitor& visit, SelectionDocument& selection) {
  allow_properties(visit, {"tagStatus", "tagPrefixList", "tagPatternList", "storageClass", "countType",
                           "countUnit", "countNumber"});
  visit.required("tagStatus", selection.tag_status);
  visit("tagPrefixList", selection.tag_prefix_list);
  visit("tagPatternList", selection.tag_pattern_list);
  visit("storageClass", selection.storage_class);
  visit.required("countType", selection.count_type);
  visit("countUnit", selection.count_unit);
  visit.required("countNumber", selection.count_number);
}

template <class Visitor>
void members(Visitor& visit, ActionDocument& action) {
  allow_properties(visit, {"type", "targetStorageClass"});
  visit.required("type", action.type);
  visit("targetStorageClass", action.target_storage_class);
}

template <class Visitor>
void members(Visitor& visit, LifecycleRuleDocument& rule) {
  allow_properties(visit, {"rulePriority", "description", "selection", "action"});
  visit.required("rulePriority", rule.rule_priority);
  visit("description", rule.description);
  visit.required("selection", rule.selection);
  visit.required("action", rule.action);
}

template <class Visitor>
void members(Visitor& visit, LifecycleDocument& policy) {
  allow_properties(visit, {"rules"});
  visit.required("rules", policy.rules);
}

Error schema_failure(std::string message) {
  return {ErrorKind::invalid, std::move(message)};
}

Result<void> check_minimum(std::string_view name, int64_t number, int64_t least) {
  if (number >= least) return {};
  return schema_failure(
      format("numeric instance is lower than the required minimum (minimum: {}, found: {}): {}", least,
             number, name));
}

Result<std::vector<std::string>> tag_patterns(const SelectionDocument& selection) {
  const bool prefixes = selection.tag_prefix_list.has_value();
  const bool patterns = selection.tag_pattern_list.has_value();
  if (selection.tag_status != Selects::tagged) {
    if (!prefixes && !patterns) return std::vector<std::string>{};
    return schema_failure("tagPrefixList and tagPatternList must only be specified when tagStatus=TAGGED.");
  }
  if (!prefixes && !patterns) {
    return schema_failure("Must specify tagPrefixList or tagPatternList when tagStatus=TAGGED.");
  }
  if (prefixes && patterns) {
    return schema_failure("Must specify only one of tagPrefixList and tagPatternList when tagStatus=TAGGED.");
  }
  auto list = prefixes ? *selection.tag_prefix_list : *selection.tag_pattern_list;
  if (list.empty()) {
    return schema_failure("array is too short: must have at least 1 elements but instance has 0 elements");
  }
  for (auto& entry : list) {
    if (entry.empty()) return schema_failure("string \"\" is too short (length: 0, required minimum: 1)");
    if (patterns && std::count(entry.begin(), entry.end(), '*') > most_wildcards) {
      return schema_failure(
          format("A tag pattern can have at most {} wildcards (*), found \"{}\"", most_wildcards, entry));
    }
    if (prefixes && entry.find('*') != std::string::npos) {
      return schema_failure(
          format("A tag prefix has no wildcards, those of tagPatternList do, found \"{}\"", entry));
    }
    if (prefixes) entry += '*';
  }
  return list;
}

Result<void> check_count(const SelectionDocument& selection, StorageClass storage_class) {
  TRY(check_minimum("countNumber", selection.count_number, 1));
  const bool in_days = selection.count_type != Counts::images;
  if (in_days && selection.count_unit != "days") {
    return schema_failure(format("countUnit must be \"days\" when countType is {}, found \"{}\"",
                                 enum_name(selection.count_type), selection.count_unit));
  }
  if (!in_days && !selection.count_unit.empty()) {
    return schema_failure(
        "instance failed to match exactly one schema: countUnit must not be specified when countType is "
        "imageCountMoreThan");
  }
  const bool of_archive = selection.count_type == Counts::days_since_archival;
  if (of_archive != (storage_class == StorageClass::archive)) {
    return schema_failure(
        "storageClass must be \"archive\" exactly when countType is sinceImageTransitioned");
  }
  return of_archive ? check_minimum("countNumber", selection.count_number, least_days_in_archive)
                    : Result<void>();
}

Result<void> check_action(const ActionDocument& action, StorageClass from) {
  if (action.type == Action::expire && action.target_storage_class.empty()) return {};
  if (action.type == Action::expire) {
    return schema_failure("targetStorageClass must not be specified when the action's type is expire");
  }
  if (action.target_storage_class != "archive") {
    return schema_failure(
        format("targetStorageClass must be \"archive\" when the action's type is transition, found \"{}\"",
               action.target_storage_class));
  }
  if (from == StorageClass::archive) return schema_failure("Images in archive can only be expired");
  return {};
}

Result<LifecycleRule> rule_of(const LifecycleRuleDocument& raw) {
  LifecycleRule rule;
  TRY(check_minimum("rulePriority", raw.rule_priority, 1));
  rule.priority = raw.rule_priority;
  rule.selects = raw.selection.tag_status;
  rule.tag_patterns = TRY(tag_patterns(raw.selection));
  rule.storage_class = raw.selection.storage_class.value_or(StorageClass::standard);
  TRY(check_count(raw.selection, rule.storage_class));
  rule.counts = raw.selection.count_type;
  rule.number = raw.selection.count_number;
  TRY(check_action(raw.action, rule.storage_class));
  rule.action = raw.action.type;
  return rule;
}

// Rules of one storage class that select the same images; the earlier would leave the later one nothing.
Result<void> check_together(const LifecycleRule& before, const LifecycleRule& rule) {
  if (before.priority == rule.priority) {
    return schema_failure(format("Multiple rules have the same rulePriority: {}", rule.priority));
  }
  if (before.storage_class != rule.storage_class) return {};
  if (before.selects == Selects::any) {
    return schema_failure("Rule for tagStatus=ANY must have the lowest priority per storage class");
  }
  if (before.selects != rule.selects) return {};
  if (rule.selects == Selects::untagged) {
    return schema_failure("Only one rule can select Untagged images per storage class");
  }
  const std::set<std::string> earlier(before.tag_patterns.begin(), before.tag_patterns.end());
  const std::set<std::string> later(rule.tag_patterns.begin(), rule.tag_patterns.end());
  if (earlier != later) return {};
  return schema_failure(
      format("Rules {} and {} select the same tags; only one rule can select them per storage class",
             before.priority, rule.priority));
}

}  // namespace

Result<LifecyclePolicy> parse_lifecycle_policy(std::string_view text) {
  const auto raw = parse_json<LifecycleDocument>(text, "policy");
  if (!raw) {
    const auto& why = raw.error().message();
    if (why.starts_with("policy: $: ") && why.find("required member") == std::string::npos &&
        why.find("object instance") == std::string::npos) {
      return schema_failure("Could not map policyString into LifecyclePolicy.");
    }
    return schema_failure(why);
  }
  if (raw->rules.empty()) {
    return schema_failure(
        "array is too short: must have at least 1 elements but instance has 0 elements: rules");
  }
  if (raw->rules.size() > most_rules) {
    return schema_failure(
        format("array is too long: must have at most {} elements but instance has {} elements: rules",
               most_rules, raw->rules.size()));
  }
  LifecyclePolicy policy;
  policy.text = text;
  for (const auto& rule : raw->rules) policy.rules.push_back(TRY(rule_of(rule)));
  std::stable_sort(policy.rules.begin(), policy.rules.end(),
                   [](const auto& left, const auto& right) { return left.priority < right.priority; });
  for (auto rule = policy.rules.begin(); rule != policy.rules.end(); ++rule) {
    for (auto before = policy.rules.begin(); before != rule; ++before) TRY(check_together(*before, *rule));
  }
  return policy;
}

}  // namespace gantry::registry
