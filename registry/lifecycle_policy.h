#pragma once

#include "base/result.h"
#include "base/time.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::registry {

enum class StorageClass { standard, archive };

struct LifecycleRule {
  enum class Selects { tagged, untagged, any };
  enum class Counts { images, days_since_push, days_since_pull, days_since_archival };
  enum class Action { expire, archive };

  int64_t priority = 0;
  Selects selects = Selects::any;
  std::vector<std::string> tag_patterns;  // for each an image must have a tag; a prefix is "PREFIX*"
  StorageClass storage_class = StorageClass::standard;
  Counts counts = Counts::images;
  int64_t number = 0;  // images that are kept, or days
  Action action = Action::expire;
};

struct LifecyclePolicy {
  std::string text;                  // as it was given
  std::vector<LifecycleRule> rules;  // by priority
};

// Errors: invalid, with the words that ECR has after "Lifecycle policy validation failure: ". Source: Amazon
// ECR user guide, "Lifecycle policy properties".
Result<LifecyclePolicy> parse_lifecycle_policy(std::string_view text);

// An image as the rules see it; times are epoch seconds.
struct LifecycleImage {
  std::string digest;
  std::vector<std::string> tags;
  double pushed_at = 0;
  std::optional<double> pulled_at;
  std::optional<double> archived_at;
  std::optional<double> activated_at;  // restored from the archive
  StorageClass storage_class = StorageClass::standard;
  bool in_index = false;  // an index of the repository names it: it stays as long as that does
};

struct LifecycleMark {
  size_t image = 0;  // index in the list that was evaluated
  int64_t priority = 0;
  LifecycleRule::Action action = LifecycleRule::Action::expire;
};

// What the policy does to each image, at most one thing: rules by priority, within a rule the oldest image
// first. An image whose tags a rule asks for is never marked by a rule that comes after it, but counts there.
// Source: Amazon ECR user guide, "How lifecycle policies work".
std::vector<LifecycleMark> evaluate(const LifecyclePolicy& policy, const std::vector<LifecycleImage>& images,
                                    TimePoint now);

}  // namespace gantry::registry
