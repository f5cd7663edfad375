#include "registry/lifecycle_policy.h"
#include "registry/repository_store.h"

#include <algorithm>

namespace gantry::registry {
namespace {

using Selects = LifecycleRule::Selects;
using Counts = LifecycleRule::Counts;

constexpr double seconds_a_day = 24 * 60 * 60;

bool has_tag_for(const LifecycleImage& image, const std::string& pattern) {
  return std::any_of(image.tags.begin(), image.tags.end(),
                     [&](const auto& tag) { return matches_wildcard(pattern, tag); });
}

bool selects(const LifecycleRule& rule, const LifecycleImage& image) {
  if (image.storage_class != rule.storage_class) return false;
  switch (rule.selects) {
    case Selects::any:
      return true;
    case Selects::untagged:
      return image.tags.empty();
    case Selects::tagged:
      return std::all_of(rule.tag_patterns.begin(), rule.tag_patterns.end(),
                         [&](const auto& pattern) { return has_tag_for(image, pattern); });
  }
  return false;
}

// The time from which a rule's days are counted; never pulled: since the push, or since it was restored.
double since(Counts counts, const LifecycleImage& image) {
  switch (counts) {
    case Counts::images:
    case Counts::days_since_push:
      return image.pushed_at;
    case Counts::days_since_pull:
      return std::max({image.pushed_at, image.pulled_at.value_or(0), image.activated_at.value_or(0)});
    case Counts::days_since_archival:
      return image.archived_at.value_or(image.pushed_at);
  }
  return image.pushed_at;
}

}  // namespace

std::vector<LifecycleMark> evaluate(const LifecyclePolicy& policy, const std::vector<LifecycleImage>& images,
                                    TimePoint now) {
  std::vector<size_t> youngest_first(images.size());
  for (size_t i = 0; i < images.size(); ++i) youngest_first[i] = i;
  std::sort(youngest_first.begin(), youngest_first.end(), [&](size_t left, size_t right) {
    if (images[left].pushed_at != images[right].pushed_at)
      return images[left].pushed_at > images[right].pushed_at;
    return images[left].digest > images[right].digest;
  });
  std::vector<LifecycleMark> marks;
  std::vector<bool> taken(images.size(), false);  // by a rule before
  for (const auto& rule : policy.rules) {
    std::vector<size_t> selected;
    for (const auto i : youngest_first) {
      if (selects(rule, images[i])) selected.push_back(i);
    }
    for (size_t place = selected.size(); place-- > 0;) {
      const auto& image = images[selected[place]];
      const bool due = rule.counts == Counts::images ? static_cast<int64_t>(place) >= rule.number
                                                     : to_epoch_seconds(now) - since(rule.counts, image) >
                                                           static_cast<double>(rule.number) * seconds_a_day;
      if (due && !taken[selected[place]] && !image.in_index) {
        marks.push_back({selected[place], rule.priority, rule.action});
      }
    }
    for (const auto i : selected) taken[i] = true;
  }
  return marks;
}

}  // namespace gantry::registry
