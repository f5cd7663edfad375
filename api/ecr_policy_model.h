#pragma once

#include "api/ecr_model.h"

// Lifecycle policies and policies of access.
namespace gantry::api::ecr {

struct LifecyclePolicyRequest {  // PutLifecyclePolicy; StartLifecyclePolicyPreview, where the text may be
                                 // empty
  std::string registry_id;
  std::string repository_name;
  std::string lifecycle_policy_text;
};
// PutLifecyclePolicy, GetLifecyclePolicy, DeleteLifecyclePolicy and StartLifecyclePolicyPreview.
struct LifecyclePolicyResponse {
  std::string registry_id;
  std::string repository_name;
  std::string lifecycle_policy_text;
  std::optional<double> last_evaluated_at;
  std::string status;  // of a preview
};

struct PreviewRequest {  // GetLifecyclePolicyPreview
  std::string registry_id;
  std::string repository_name;
  std::vector<ImageIdentifier> image_ids;
  std::string next_token;
  std::optional<int64_t> max_results;
  TagStatus tag_status = TagStatus::any;  // filter.tagStatus
};
struct RuleAction {
  std::string type;                  // "EXPIRE", "TRANSITION"
  std::string target_storage_class;  // "ARCHIVE"
};
struct PreviewResult {
  std::vector<std::string> image_tags;
  std::string image_digest;
  double image_pushed_at = 0;
  RuleAction action;
  int64_t applied_rule_priority = 0;
  std::string storage_class;  // "STANDARD", "ARCHIVE"
};
struct TransitioningCount {
  std::string target_storage_class;
  int64_t image_total_count = 0;
};
struct PreviewSummary {
  int64_t expiring_image_total_count = 0;
  std::vector<TransitioningCount> transitioning_image_total_counts;
};
struct PreviewResponse {
  std::string registry_id;
  std::string repository_name;
  std::string lifecycle_policy_text;
  std::string status;  // "IN_PROGRESS", "COMPLETE", "EXPIRED", "FAILED"
  std::string next_token;
  std::vector<PreviewResult> preview_results;
  std::optional<PreviewSummary> summary;
};

struct SetRepositoryPolicyRequest {
  std::string registry_id;
  std::string repository_name;
  std::string policy_text;
  bool force = false;
};
struct PutRegistryPolicyRequest {
  std::string policy_text;
};
struct PolicyResponse {  // of repository policies, and (without a name) of the registry's
  std::string registry_id;
  std::string repository_name;
  std::string policy_text;
};

}  // namespace gantry::api::ecr
