#include "registry/ecr_service.h"

#include "base/text.h"

namespace gantry::registry {
namespace {

// In the model, and known to be missing here: answered by name instead of as unknown operations.
constexpr const char* unsupported_operations[] = {
    "BatchCheckLayerAvailability",
    "BatchGetRepositoryScanningConfiguration",
    "CompleteLayerUpload",
    "CreatePullThroughCacheRule",
    "CreateRepositoryCreationTemplate",
    "DeleteLifecyclePolicy",
    "DeletePullThroughCacheRule",
    "DeleteRegistryPolicy",
    "DeleteRepositoryCreationTemplate",
    "DeleteRepositoryPolicy",
    "DescribeImageReplicationStatus",
    "DescribeImageScanFindings",
    "DescribePullThroughCacheRules",
    "DescribeRepositoryCreationTemplates",
    "GetAccountSetting",
    "GetDownloadUrlForLayer",
    "GetLifecyclePolicyPreview",
    "GetRegistryPolicy",
    "GetRegistryScanningConfiguration",
    "InitiateLayerUpload",
    "PutAccountSetting",
    "PutImageScanningConfiguration",
    "PutLifecyclePolicy",
    "PutRegistryPolicy",
    "PutRegistryScanningConfiguration",
    "PutReplicationConfiguration",
    "SetRepositoryPolicy",
    "StartImageScan",
    "StartLifecyclePolicyPreview",
    "UpdatePullThroughCacheRule",
    "UpdateRepositoryCreationTemplate",
    "UploadLayerPart",
    "ValidatePullThroughCacheRule",
};

}  // namespace

void EcrService::add_operations(http::AwsJsonDispatcher& dispatcher) {
  const auto add = [&](const std::string& name, Reply (EcrService::*operation)(const http::AwsCall&)) {
    dispatcher.add(std::string(api::ecr::target_prefix), std::string(api::ecr::signing_name), name,
                   [this, operation](const http::AwsCall& call) { return (this->*operation)(call); });
  };
  add("GetAuthorizationToken", &EcrService::get_authorization_token);
  add("CreateRepository", &EcrService::create_repository);
  add("DescribeRepositories", &EcrService::describe_repositories);
  add("DeleteRepository", &EcrService::delete_repository);
  add("PutImageTagMutability", &EcrService::put_image_tag_mutability);
  add("DescribeRegistry", &EcrService::describe_registry);
  add("GetLifecyclePolicy", &EcrService::get_lifecycle_policy);
  add("GetRepositoryPolicy", &EcrService::get_repository_policy);
  add("TagResource", &EcrService::tag_resource);
  add("UntagResource", &EcrService::untag_resource);
  add("ListTagsForResource", &EcrService::list_tags_for_resource);
  add("ListImages", &EcrService::list_images);
  add("DescribeImages", &EcrService::describe_images);
  add("BatchGetImage", &EcrService::batch_get_image);
  add("BatchDeleteImage", &EcrService::batch_delete_image);
  add("PutImage", &EcrService::put_image);
  for (const std::string name : unsupported_operations) {
    dispatcher.add(std::string(api::ecr::target_prefix), std::string(api::ecr::signing_name), name,
                   [](const http::AwsCall& call) -> Reply {
                     return http::AwsError{"UnsupportedCommandException",
                                           format("{} is not supported by this registry.", call.operation),
                                           400};
                   });
  }
}

http::AwsResult<void> EcrService::check_registry(const std::string& registry_id) const {
  if (registry_id.empty() || registry_id == options_.account) return {};
  return invalid_parameter(format("Invalid parameter at 'registryId': this registry's id is '{}', not '{}'",
                                  options_.account, registry_id));
}

http::AwsResult<Repository> EcrService::find(const std::string& registry_id, const std::string& name) const {
  TRY(check_registry(registry_id));
  const auto rule = api::ecr::check_repository_name(name);
  if (!rule.empty()) return invalid_parameter(rule);
  auto repository = repositories_.find(name);
  if (!repository) return repository_not_found(name);
  return std::move(*repository);
}

http::AwsResult<Repository> EcrService::find_by_arn(const std::string& arn) const {
  const auto prefix = format("arn:aws:ecr:{}:{}:repository/", options_.region, options_.account);
  if (!arn.starts_with(prefix)) {
    return invalid_parameter(
        format("Invalid parameter at 'resourceArn' failed to satisfy constraint: 'Invalid ARN': "
               "must begin with '{}', found '{}'",
               prefix, arn));
  }
  return find("", arn.substr(prefix.size()));
}

api::ecr::Repository EcrService::describe(const Repository& repository, const std::string& host) const {
  api::ecr::Repository described;
  described.repository_arn =
      format("arn:aws:ecr:{}:{}:repository/{}", options_.region, options_.account, repository.name);
  described.registry_id = options_.account;
  described.repository_name = repository.name;
  described.repository_uri = format("{}/{}", host, repository.name);
  described.created_at = repository.created_at;
  described.image_tag_mutability = static_cast<api::ecr::TagMutability>(repository.mutability);
  for (const auto& pattern : repository.exclusions) {
    described.image_tag_mutability_exclusion_filters.push_back({"WILDCARD", pattern});
  }
  described.image_scanning_configuration.scan_on_push = repository.scan_on_push;
  described.encryption_configuration.encryption_type = "AES256";
  return described;
}

http::AwsError EcrService::repository_not_found(const std::string& name) const {
  return {"RepositoryNotFoundException",
          format("The repository with name '{}' does not exist in the registry with id '{}'", name,
                 options_.account),
          400};
}

http::AwsError EcrService::image_not_found(const std::string& repository,
                                           const api::ecr::ImageIdentifier& id) const {
  const auto quoted = [](const std::string& text) { return text.empty() ? "null" : format("'{}'", text); };
  return {
      "ImageNotFoundException",
      format(
          "The image with imageId {{imageDigest:{}, imageTag:{}}} does not exist within the repository with "
          "name '{}' in the registry with id '{}'",
          quoted(id.image_digest), quoted(id.image_tag), repository, options_.account),
      400};
}

http::AwsError EcrService::from_failure(const Failure& failure, const std::string& repository) const {
  switch (failure.kind) {
    case FailureKind::repository_unknown:
      return repository_not_found(repository);
    case FailureKind::tag_immutable:
      return {"ImageTagAlreadyExistsException", failure.message, 400};
    case FailureKind::manifest_blob_unknown:
      return {"LayersNotFoundException", failure.message, 400};
    case FailureKind::digest_invalid:
      return {"ImageDigestDoesNotMatchException", failure.message, 400};
    case FailureKind::internal:
      return {"ServerException", failure.message, 500};
    case FailureKind::repository_name_invalid:
    case FailureKind::repository_exists:
    case FailureKind::repository_not_empty:
    case FailureKind::manifest_unknown:
    case FailureKind::manifest_invalid:
    case FailureKind::manifest_too_big:
    case FailureKind::image_exists:
    case FailureKind::tag_invalid:
    case FailureKind::blob_unknown:
    case FailureKind::upload_unknown:
    case FailureKind::upload_busy:
    case FailureKind::upload_out_of_order:
    case FailureKind::parameter_invalid:
      break;
  }
  return invalid_parameter(failure.message);
}

http::AwsResult<size_t> read_page_token(const std::string& token, size_t size) {
  if (token.empty()) return size_t{0};
  const auto text = base64_decode(token);
  const auto index = text ? parse_unsigned("nextToken", *text, size) : Result<uint64_t>(text.error());
  if (!index) return invalid_parameter("Invalid parameter at 'nextToken': this is not a token of this call");
  return static_cast<size_t>(*index);
}

http::AwsResult<size_t> page_size(const std::optional<int64_t>& max_results) {
  const auto most = max_results.value_or(100);
  if (most >= 1 && most <= 1000) return static_cast<size_t>(most);
  return invalid_parameter(format("Invalid parameter at 'maxResults': must be 1 to 1000, found {}", most));
}

std::string page_token(size_t index) {
  return base64_encode(format("{}", index));
}

}  // namespace gantry::registry
