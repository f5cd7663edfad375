// The table of ECR's operations, and what comes before each of them.

#include "base/json.h"
#include "registry/ecr_service.h"

namespace gantry::registry {
namespace {

// The members by which requests name repositories.
struct NamedRepositories {
  std::string repository_name;
  std::vector<std::string> repository_names;
  std::string resource_arn;
};

template <class Visitor>
void members(Visitor& visit, NamedRepositories& named) {
  visit("repositoryName", named.repository_name);
  visit("repositoryNames", named.repository_names);
  visit("resourceArn", named.resource_arn);
}

}  // namespace

std::span<const EcrService::Row> EcrService::rows() {
  using S = EcrService;
  static constexpr Row table[] = {
      {"BatchCheckLayerAvailability", &S::batch_check_layer_availability},
      {"BatchDeleteImage", &S::batch_delete_image},
      {"BatchGetImage", &S::batch_get_image},
      {"BatchGetRepositoryScanningConfiguration", &S::batch_get_repository_scanning_configuration},
      {"CompleteLayerUpload", &S::complete_layer_upload},
      {"CreatePullThroughCacheRule", &S::create_pull_through_cache_rule},
      {"CreateRepository", &S::create_repository},
      {"CreateRepositoryCreationTemplate", &S::create_repository_creation_template},
      {"DeleteLifecyclePolicy", &S::delete_lifecycle_policy},
      {"DeletePullThroughCacheRule", &S::refuse_pull_through_cache_rule},
      {"DeleteRegistryPolicy", &S::delete_registry_policy},
      {"DeleteRepository", &S::delete_repository},
      {"DeleteRepositoryCreationTemplate", &S::delete_repository_creation_template},
      {"DeleteRepositoryPolicy", &S::delete_repository_policy},
      {"DeleteSigningConfiguration", &S::delete_signing_configuration},
      {"DeregisterPullTimeUpdateExclusion", &S::deregister_pull_time_update_exclusion},
      {"DescribeImageReplicationStatus", &S::describe_image_replication_status},
      {"DescribeImageScanFindings", &S::describe_image_scan_findings},
      {"DescribeImageSigningStatus", &S::describe_image_signing_status},
      {"DescribeImages", &S::describe_images},
      {"DescribePullThroughCacheRules", &S::describe_pull_through_cache_rules},
      {"DescribeRegistry", &S::describe_registry},
      {"DescribeRepositories", &S::describe_repositories},
      {"DescribeRepositoryCreationTemplates", &S::describe_repository_creation_templates},
      {"GetAccountSetting", &S::get_account_setting},
      {"GetAuthorizationToken", &S::get_authorization_token},
      {"GetDownloadUrlForLayer", &S::get_download_url_for_layer},
      {"GetLifecyclePolicy", &S::get_lifecycle_policy},
      {"GetLifecyclePolicyPreview", &S::get_lifecycle_policy_preview},
      {"GetRegistryPolicy", &S::get_registry_policy},
      {"GetRegistryScanningConfiguration", &S::get_registry_scanning_configuration},
      {"GetRepositoryPolicy", &S::get_repository_policy},
      {"GetSigningConfiguration", &S::get_signing_configuration},
      {"InitiateLayerUpload", &S::initiate_layer_upload},
      {"ListImageReferrers", &S::list_image_referrers},
      {"ListImages", &S::list_images},
      {"ListPullTimeUpdateExclusions", &S::list_pull_time_update_exclusions},
      {"ListTagsForResource", &S::list_tags_for_resource},
      {"PutAccountSetting", &S::put_account_setting},
      {"PutImage", &S::put_image},
      {"PutImageScanningConfiguration", &S::put_image_scanning_configuration},
      {"PutImageTagMutability", &S::put_image_tag_mutability},
      {"PutLifecyclePolicy", &S::put_lifecycle_policy},
      {"PutRegistryPolicy", &S::put_registry_policy},
      {"PutRegistryScanningConfiguration", &S::put_registry_scanning_configuration},
      {"PutReplicationConfiguration", &S::put_replication_configuration},
      {"PutSigningConfiguration", &S::put_signing_configuration},
      {"RegisterPullTimeUpdateExclusion", &S::register_pull_time_update_exclusion},
      {"SetRepositoryPolicy", &S::set_repository_policy},
      {"StartImageScan", &S::start_image_scan},
      {"StartLifecyclePolicyPreview", &S::start_lifecycle_policy_preview},
      {"TagResource", &S::tag_resource},
      {"UntagResource", &S::untag_resource},
      {"UpdateImageStorageClass", &S::update_image_storage_class},
      {"UpdatePullThroughCacheRule", &S::refuse_pull_through_cache_rule},
      {"UpdateRepositoryCreationTemplate", &S::update_repository_creation_template},
      {"UploadLayerPart", &S::upload_layer_part},
      {"ValidatePullThroughCacheRule", &S::refuse_pull_through_cache_rule},
  };
  return table;
}

void EcrService::add_operations(http::AwsJsonDispatcher& dispatcher) {
  for (const auto& row : rows()) {
    dispatcher.add(std::string(api::ecr::target_prefix), std::string(api::ecr::signing_name),
                   std::string(row.name), [this, &row](const Call& call) { return answer(row, call); });
  }
}

EcrService::Reply EcrService::answer(const Row& row, const Call& call) {
  TRY(api::ecr::check_request(row.name, call.body));
  TRY(authorize(call));
  return (this->*row.operation)(call);
}

http::AwsResult<void> EcrService::authorize(const Call& call) const {
  auto named = TRY(parse_json<NamedRepositories>(call.body, "request body"));
  if (!named.repository_name.empty()) named.repository_names.push_back(named.repository_name);
  const auto prefix = parts_.access.repository_arn("");
  if (named.resource_arn.starts_with(prefix)) {
    named.repository_names.push_back(named.resource_arn.substr(prefix.size()));
  }
  const auto principal = parts_.access.principal(call.identity.access_key_id);
  for (const auto& name : named.repository_names) {
    const auto allowed = parts_.access.check(principal, "ecr:" + call.operation, name);
    if (!allowed) return from_failure(allowed.error(), name);
  }
  return {};
}

}  // namespace gantry::registry
