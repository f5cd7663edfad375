#pragma once

#include "api/ecr_model.h"
#include "base/json.h"

// Settings of a whole registry.
namespace gantry::api::ecr {

struct CreationTemplate {
  std::string prefix;  // "team-a", or "ROOT"
  std::string description;
  std::optional<EncryptionConfiguration> encryption_configuration;
  std::vector<Tag> resource_tags;
  std::optional<TagMutability> image_tag_mutability;
  std::vector<ExclusionFilter> image_tag_mutability_exclusion_filters;
  std::string repository_policy;
  std::string lifecycle_policy;
  std::vector<std::string> applied_for;  // "REPLICATION", "PULL_THROUGH_CACHE", "CREATE_ON_PUSH"
  std::string custom_role_arn;
  double created_at = 0;
  double updated_at = 0;
};
// UpdateRepositoryCreationTemplate: what isn't given stays as it is.
struct TemplateUpdate {
  std::string prefix;
  std::optional<std::string> description;
  std::optional<EncryptionConfiguration> encryption_configuration;
  std::optional<std::vector<Tag>> resource_tags;
  std::optional<TagMutability> image_tag_mutability;
  std::optional<std::vector<ExclusionFilter>> image_tag_mutability_exclusion_filters;
  std::optional<std::string> repository_policy;
  std::optional<std::string> lifecycle_policy;
  std::optional<std::vector<std::string>> applied_for;
  std::optional<std::string> custom_role_arn;
};
struct TemplateRequest {  // DeleteRepositoryCreationTemplate
  std::string prefix;
};
struct TemplatesRequest {
  std::vector<std::string> prefixes;
  std::string next_token;
  std::optional<int64_t> max_results;
};
struct TemplateResponse {
  std::string registry_id;
  CreationTemplate repository_creation_template;
};
struct TemplatesResponse {
  std::string registry_id;
  std::vector<CreationTemplate> repository_creation_templates;
  std::string next_token;
};

struct AccountSetting {  // requests and answers; GetAccountSetting's request has no value
  std::string name;
  std::string value;
};

struct PullTimeExclusion {  // requests and answers; createdAt is in RegisterPullTimeUpdateExclusion's answer
  std::string principal_arn;
  std::optional<double> created_at;
};
struct ExclusionsRequest {
  std::string next_token;
  std::optional<int64_t> max_results;
};
struct ExclusionsResponse {
  std::vector<std::string> pull_time_update_exclusions;
  std::string next_token;
};

struct ScanFilter {
  std::string filter;
  std::string filter_type;  // "WILDCARD"
};
struct ScanRule {
  std::string scan_frequency;  // "SCAN_ON_PUSH", "CONTINUOUS_SCAN", "MANUAL"
  std::vector<ScanFilter> repository_filters;
};
struct ScanningConfiguration {  // PutRegistryScanningConfiguration's request, too
  std::string scan_type = "BASIC";
  std::vector<ScanRule> rules;
};
struct PutScanningConfigurationResponse {
  ScanningConfiguration registry_scanning_configuration;
};
struct GetScanningConfigurationResponse {
  std::string registry_id;
  ScanningConfiguration scanning_configuration;
};
struct RepositoryScanningRequest {  // BatchGetRepositoryScanningConfiguration
  std::vector<std::string> repository_names;
};
struct RepositoryScanning {
  std::string repository_arn;
  std::string repository_name;
  bool scan_on_push = false;
  std::string scan_frequency;
  std::vector<ScanFilter> applied_scan_filters;
};
struct RepositoryScanningFailure {
  std::string repository_name;
  std::string failure_code;  // "REPOSITORY_NOT_FOUND"
  std::string failure_reason;
};
struct RepositoryScanningResponse {
  std::vector<RepositoryScanning> scanning_configurations;
  std::vector<RepositoryScanningFailure> failures;
};
struct PutImageScanningRequest {
  std::string registry_id;
  std::string repository_name;
  ImageScanningConfiguration image_scanning_configuration;
};
using PutImageScanningResponse = PutImageScanningRequest;

struct ReplicationDestination {
  std::string region;
  std::string registry_id;
};
struct ReplicationFilter {
  std::string filter;
  std::string filter_type;  // "PREFIX_MATCH"
};
struct ReplicationRule {
  std::vector<ReplicationDestination> destinations;
  std::vector<ReplicationFilter> repository_filters;
};
struct ReplicationConfiguration {
  std::vector<ReplicationRule> rules;
};
struct ReplicationMessage {  // PutReplicationConfiguration; with the id, DescribeRegistry's answer
  std::string registry_id;
  ReplicationConfiguration replication_configuration;
};

struct SigningConfiguration {
  std::vector<RawJson> rules;
};
struct SigningMessage {
  std::string registry_id;
  SigningConfiguration signing_configuration;
};

// Operations on one image: replication, signing and scan status, scans, storage class.
struct ImageRequest {
  std::string registry_id;
  std::string repository_name;
  ImageIdentifier image_id;
  std::string target_storage_class;
};
struct ImageStatusResponse {
  std::string registry_id;
  std::string repository_name;
  ImageIdentifier image_id;
  std::string image_status;
};
struct ReplicationStatusResponse {
  std::string repository_name;
  ImageIdentifier image_id;
};
struct SigningStatusResponse {
  std::string registry_id;
  std::string repository_name;
  ImageIdentifier image_id;
};

struct PullThroughRequest {  // of one rule
  std::string registry_id;
  std::string ecr_repository_prefix;
  std::string upstream_registry_url;
};
struct PullThroughRulesRequest {
  std::string registry_id;
  std::vector<std::string> ecr_repository_prefixes;
};

struct ReferrersRequest {
  std::string registry_id;
  std::string repository_name;
  std::string subject_digest;               // subjectId.imageDigest
  std::vector<std::string> artifact_types;  // filter.artifactTypes
  ImageStatus artifact_status = ImageStatus::active;
  std::string next_token;
  std::optional<int64_t> max_results;
};
struct ReferrersResponse {
  std::vector<RawJson> referrers;  // ImageReferrer
  std::string next_token;
};

}  // namespace gantry::api::ecr
