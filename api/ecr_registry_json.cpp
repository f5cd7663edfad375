#include "api/ecr_members.h"
#include "api/ecr_registry_model.h"

namespace gantry::api::ecr {

template <class Visitor>
void members(Visitor& visit, CreationTemplate& value) {
  visit("prefix", value.prefix);
  visit("description", value.description);
  visit("encryptionConfiguration", value.encryption_configuration);
  visit("resourceTags", value.resource_tags);
  visit("imageTagMutability", value.image_tag_mutability);
  visit("imageTagMutabilityExclusionFilters", value.image_tag_mutability_exclusion_filters);
  visit("repositoryPolicy", value.repository_policy);
  visit("lifecyclePolicy", value.lifecycle_policy);
  visit("appliedFor", value.applied_for);
  visit("customRoleArn", value.custom_role_arn);
  visit("createdAt", value.created_at);
  visit("updatedAt", value.updated_at);
}

template <class Visitor>
void members(Visitor& visit, TemplateUpdate& value) {
  visit("prefix", value.prefix);
  visit("description", value.description);
  visit("encryptionConfiguration", value.encryption_configuration);
  visit("resourceTags", value.resource_tags);
  visit("imageTagMutability", value.image_tag_mutability);
  visit("imageTagMutabilityExclusionFilters", value.image_tag_mutability_exclusion_filters);
  visit("repositoryPolicy", value.repository_policy);
  visit("lifecyclePolicy", value.lifecycle_policy);
  visit("appliedFor", value.applied_for);
  visit("customRoleArn", value.custom_role_arn);
}

template <class Visitor>
void members(Visitor& visit, TemplateRequest& value) {
  visit("prefix", value.prefix);
}

template <class Visitor>
void members(Visitor& visit, TemplatesRequest& value) {
  visit("prefixes", value.prefixes);
  visit("nextToken", value.next_token);
  visit("maxResults", value.max_results);
}

template <class Visitor>
void members(Visitor& visit, TemplateResponse& value) {
  visit("registryId", value.registry_id);
  visit("repositoryCreationTemplate", value.repository_creation_template);
}

template <class Visitor>
void members(Visitor& visit, TemplatesResponse& value) {
  visit("registryId", value.registry_id);
  visit.always("repositoryCreationTemplates", value.repository_creation_templates);
  visit("nextToken", value.next_token);
}

template <class Visitor>
void members(Visitor& visit, AccountSetting& value) {
  visit("name", value.name);
  visit("value", value.value);
}

template <class Visitor>
void members(Visitor& visit, PullTimeExclusion& value) {
  visit("principalArn", value.principal_arn);
  visit("createdAt", value.created_at);
}

template <class Visitor>
void members(Visitor& visit, ExclusionsRequest& value) {
  visit("nextToken", value.next_token);
  visit("maxResults", value.max_results);
}

template <class Visitor>
void members(Visitor& visit, ExclusionsResponse& value) {
  visit.always("pullTimeUpdateExclusions", value.pull_time_update_exclusions);
  visit("nextToken", value.next_token);
}

template <class Visitor>
void members(Visitor& visit, ScanFilter& value) {
  visit("filter", value.filter);
  visit("filterType", value.filter_type);
}

template <class Visitor>
void members(Visitor& visit, ScanRule& value) {
  visit("scanFrequency", value.scan_frequency);
  visit("repositoryFilters", value.repository_filters);
}

template <class Visitor>
void members(Visitor& visit, ScanningConfiguration& value) {
  visit("scanType", value.scan_type);
  visit.always("rules", value.rules);
}

template <class Visitor>
void members(Visitor& visit, PutScanningConfigurationResponse& value) {
  visit("registryScanningConfiguration", value.registry_scanning_configuration);
}

template <class Visitor>
void members(Visitor& visit, GetScanningConfigurationResponse& value) {
  visit("registryId", value.registry_id);
  visit("scanningConfiguration", value.scanning_configuration);
}

template <class Visitor>
void members(Visitor& visit, RepositoryScanningRequest& value) {
  visit("repositoryNames", value.repository_names);
}

template <class Visitor>
void members(Visitor& visit, RepositoryScanning& value) {
  visit("repositoryArn", value.repository_arn);
  visit("repositoryName", value.repository_name);
  visit("scanOnPush", value.scan_on_push);
  visit("scanFrequency", value.scan_frequency);
  visit.always("appliedScanFilters", value.applied_scan_filters);
}

template <class Visitor>
void members(Visitor& visit, RepositoryScanningFailure& value) {
  visit("repositoryName", value.repository_name);
  visit("failureCode", value.failure_code);
  visit("failureReason", value.failure_reason);
}

template <class Visitor>
void members(Visitor& visit, RepositoryScanningResponse& value) {
  visit.always("scanningConfigurations", value.scanning_configurations);
  visit.always("failures", value.failures);
}

template <class Visitor>
void members(Visitor& visit, PutImageScanningRequest& value) {
  visit("registryId", value.registry_id);
  visit("repositoryName", value.repository_name);
  visit("imageScanningConfiguration", value.image_scanning_configuration);
}

template <class Visitor>
void members(Visitor& visit, ReplicationDestination& value) {
  visit("region", value.region);
  visit("registryId", value.registry_id);
}

template <class Visitor>
void members(Visitor& visit, ReplicationFilter& value) {
  visit("filter", value.filter);
  visit("filterType", value.filter_type);
}

template <class Visitor>
void members(Visitor& visit, ReplicationRule& value) {
  visit.always("destinations", value.destinations);
  visit("repositoryFilters", value.repository_filters);
}

template <class Visitor>
void members(Visitor& visit, ReplicationConfiguration& value) {
  visit.always("rules", value.rules);
}

template <class Visitor>
void members(Visitor& visit, ReplicationMessage& value) {
  visit("registryId", value.registry_id);
  visit("replicationConfiguration", value.replication_configuration);
}

template <class Visitor>
void members(Visitor& visit, SigningConfiguration& value) {
  visit.always("rules", value.rules);
}

template <class Visitor>
void members(Visitor& visit, SigningMessage& value) {
  visit("registryId", value.registry_id);
  visit("signingConfiguration", value.signing_configuration);
}

template <class Visitor>
void members(Visitor& visit, ImageRequest& value) {
  visit("registryId", value.registry_id);
  visit("repositoryName", value.repository_name);
  visit("imageId", value.image_id);
  visit("targetStorageClass", value.target_storage_class);
}

template <class Visitor>
void members(Visitor& visit, ImageStatusResponse& value) {
  visit("registryId", value.registry_id);
  visit("repositoryName", value.repository_name);
  visit("imageId", value.image_id);
  visit("imageStatus", value.image_status);
}

template <class Visitor>
void members(Visitor& visit, ReplicationStatusResponse& value) {
  visit("repositoryName", value.repository_name);
  visit("imageId", value.image_id);
  std::vector<std::string> none;
  visit.always("replicationStatuses", none);
}

template <class Visitor>
void members(Visitor& visit, SigningStatusResponse& value) {
  visit("registryId", value.registry_id);
  visit("repositoryName", value.repository_name);
  visit("imageId", value.image_id);
  std::vector<std::string> none;
  visit.always("signingStatuses", none);
}

template <class Visitor>
void members(Visitor& visit, PullThroughRequest& value) {
  visit("registryId", value.registry_id);
  visit("ecrRepositoryPrefix", value.ecr_repository_prefix);
  visit("upstreamRegistryUrl", value.upstream_registry_url);
}

template <class Visitor>
void members(Visitor& visit, PullThroughRulesRequest& value) {
  visit("registryId", value.registry_id);
  visit("ecrRepositoryPrefixes", value.ecr_repository_prefixes);
}

namespace {

struct ReferrersSubject {
  std::string image_digest;
};

struct ReferrersFilter {
  std::vector<std::string> artifact_types;
  std::optional<ImageStatus> artifact_status;
};

template <class Visitor>
void members(Visitor& visit, ReferrersSubject& subject) {
  visit("imageDigest", subject.image_digest);
}

template <class Visitor>
void members(Visitor& visit, ReferrersFilter& filter) {
  visit("artifactTypes", filter.artifact_types);
  visit("artifactStatus", filter.artifact_status);
}

}  // namespace

template <class Visitor>
void members(Visitor& visit, ReferrersRequest& request) {
  visit("registryId", request.registry_id);
  visit("repositoryName", request.repository_name);
  ReferrersSubject subject;
  visit("subjectId", subject);
  request.subject_digest = subject.image_digest;
  ReferrersFilter filter;
  visit("filter", filter);
  request.artifact_types = filter.artifact_types;
  request.artifact_status = filter.artifact_status.value_or(ImageStatus::active);
  visit("nextToken", request.next_token);
  visit("maxResults", request.max_results);
}

template <class Visitor>
void members(Visitor& visit, ReferrersResponse& value) {
  visit.always("referrers", value.referrers);
  visit("nextToken", value.next_token);
}

template Result<CreationTemplate> parse_request(std::string_view);
template Result<TemplateUpdate> parse_request(std::string_view);
template Result<TemplateRequest> parse_request(std::string_view);
template Result<TemplatesRequest> parse_request(std::string_view);
template Result<AccountSetting> parse_request(std::string_view);
template Result<PullTimeExclusion> parse_request(std::string_view);
template Result<ExclusionsRequest> parse_request(std::string_view);
template Result<ScanningConfiguration> parse_request(std::string_view);
template Result<RepositoryScanningRequest> parse_request(std::string_view);
template Result<PutImageScanningRequest> parse_request(std::string_view);
template Result<ReplicationMessage> parse_request(std::string_view);
template Result<SigningMessage> parse_request(std::string_view);
template Result<ImageRequest> parse_request(std::string_view);
template Result<PullThroughRequest> parse_request(std::string_view);
template Result<PullThroughRulesRequest> parse_request(std::string_view);
template Result<ReferrersRequest> parse_request(std::string_view);

template std::string to_json_text(const CreationTemplate&);
template std::string to_json_text(const TemplateResponse&);
template std::string to_json_text(const TemplatesResponse&);
template std::string to_json_text(const AccountSetting&);
template std::string to_json_text(const PullTimeExclusion&);
template std::string to_json_text(const ExclusionsResponse&);
template std::string to_json_text(const ScanningConfiguration&);
template std::string to_json_text(const PutScanningConfigurationResponse&);
template std::string to_json_text(const GetScanningConfigurationResponse&);
template std::string to_json_text(const RepositoryScanningResponse&);
template std::string to_json_text(const PutImageScanningResponse&);
template std::string to_json_text(const ReplicationMessage&);
template std::string to_json_text(const SigningMessage&);
template std::string to_json_text(const ImageStatusResponse&);
template std::string to_json_text(const ReplicationStatusResponse&);
template std::string to_json_text(const SigningStatusResponse&);
template std::string to_json_text(const ReferrersResponse&);

}  // namespace gantry::api::ecr
