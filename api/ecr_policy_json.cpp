#include "api/ecr_members.h"
#include "api/ecr_policy_model.h"

namespace gantry::api::ecr {

template <class Visitor>
void members(Visitor& visit, LifecyclePolicyRequest& value) {
  visit("registryId", value.registry_id);
  visit("repositoryName", value.repository_name);
  visit("lifecyclePolicyText", value.lifecycle_policy_text);
}

template <class Visitor>
void members(Visitor& visit, LifecyclePolicyResponse& value) {
  visit("registryId", value.registry_id);
  visit("repositoryName", value.repository_name);
  visit("lifecyclePolicyText", value.lifecycle_policy_text);
  visit("lastEvaluatedAt", value.last_evaluated_at);
  visit("status", value.status);
}

namespace {

struct PreviewFilter {
  std::optional<TagStatus> tag_status;
};

template <class Visitor>
void members(Visitor& visit, PreviewFilter& filter) {
  visit("tagStatus", filter.tag_status);
}

}  // namespace

template <class Visitor>
void members(Visitor& visit, PreviewRequest& request) {
  visit("registryId", request.registry_id);
  visit("repositoryName", request.repository_name);
  visit("imageIds", request.image_ids);
  visit("nextToken", request.next_token);
  visit("maxResults", request.max_results);
  std::optional<PreviewFilter> filter;
  visit("filter", filter);
  if (filter) request.tag_status = filter->tag_status.value_or(TagStatus::any);
}

template <class Visitor>
void members(Visitor& visit, RuleAction& value) {
  visit("type", value.type);
  visit("targetStorageClass", value.target_storage_class);
}

template <class Visitor>
void members(Visitor& visit, PreviewResult& value) {
  visit("imageTags", value.image_tags);
  visit("imageDigest", value.image_digest);
  visit("imagePushedAt", value.image_pushed_at);
  visit("action", value.action);
  visit("appliedRulePriority", value.applied_rule_priority);
  visit("storageClass", value.storage_class);
}

template <class Visitor>
void members(Visitor& visit, TransitioningCount& value) {
  visit("targetStorageClass", value.target_storage_class);
  visit("imageTotalCount", value.image_total_count);
}

template <class Visitor>
void members(Visitor& visit, PreviewSummary& value) {
  visit("expiringImageTotalCount", value.expiring_image_total_count);
  visit("transitioningImageTotalCounts", value.transitioning_image_total_counts);
}

template <class Visitor>
void members(Visitor& visit, PreviewResponse& value) {
  visit("registryId", value.registry_id);
  visit("repositoryName", value.repository_name);
  visit("lifecyclePolicyText", value.lifecycle_policy_text);
  visit("status", value.status);
  visit("nextToken", value.next_token);
  visit.always("previewResults", value.preview_results);
  visit("summary", value.summary);
}

template <class Visitor>
void members(Visitor& visit, SetRepositoryPolicyRequest& value) {
  visit("registryId", value.registry_id);
  visit("repositoryName", value.repository_name);
  visit("policyText", value.policy_text);
  visit("force", value.force);
}

template <class Visitor>
void members(Visitor& visit, PutRegistryPolicyRequest& value) {
  visit("policyText", value.policy_text);
}

template <class Visitor>
void members(Visitor& visit, PolicyResponse& value) {
  visit("registryId", value.registry_id);
  visit("repositoryName", value.repository_name);
  visit.always("policyText", value.policy_text);
}

template Result<LifecyclePolicyRequest> parse_request(std::string_view);
template Result<PreviewResponse> parse_request(std::string_view);
template Result<PreviewRequest> parse_request(std::string_view);
template Result<SetRepositoryPolicyRequest> parse_request(std::string_view);
template Result<PutRegistryPolicyRequest> parse_request(std::string_view);

template std::string to_json_text(const LifecyclePolicyResponse&);
template std::string to_json_text(const PreviewResponse&);
template std::string to_json_text(const PolicyResponse&);

}  // namespace gantry::api::ecr
