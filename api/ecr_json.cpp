#include "api/ecr_members.h"
#include "api/ecr_model.h"
#include "base/json.h"

#include <regex>

namespace gantry::api::ecr {

template <class Visitor>
void members(Visitor& visit, Repository& repository) {
  visit("repositoryArn", repository.repository_arn);
  visit("registryId", repository.registry_id);
  visit("repositoryName", repository.repository_name);
  visit("repositoryUri", repository.repository_uri);
  visit("createdAt", repository.created_at);
  visit("imageTagMutability", repository.image_tag_mutability);
  visit("imageTagMutabilityExclusionFilters", repository.image_tag_mutability_exclusion_filters);
  visit("imageScanningConfiguration", repository.image_scanning_configuration);
  visit("encryptionConfiguration", repository.encryption_configuration);
}

template <class Visitor>
void members(Visitor& visit, ImageFailure& failure) {
  visit("imageId", failure.image_id);
  visit("failureCode", failure.failure_code);
  visit("failureReason", failure.failure_reason);
}

template <class Visitor>
void members(Visitor& visit, Image& image) {
  visit("registryId", image.registry_id);
  visit("repositoryName", image.repository_name);
  visit("imageId", image.image_id);
  visit("imageManifest", image.image_manifest);
  visit("imageManifestMediaType", image.image_manifest_media_type);
}

template <class Visitor>
void members(Visitor& visit, ImageDetail& detail) {
  visit("registryId", detail.registry_id);
  visit("repositoryName", detail.repository_name);
  visit("imageDigest", detail.image_digest);
  visit("imageTags", detail.image_tags);
  visit("imageSizeInBytes", detail.image_size_in_bytes);
  visit("imagePushedAt", detail.image_pushed_at);
  visit("imageManifestMediaType", detail.image_manifest_media_type);
  visit("artifactMediaType", detail.artifact_media_type);
  visit("lastRecordedPullTime", detail.last_recorded_pull_time);
  visit("subjectManifestDigest", detail.subject_manifest_digest);
  visit("imageStatus", detail.image_status);
  visit("lastArchivedAt", detail.last_archived_at);
  visit("lastActivatedAt", detail.last_activated_at);
}

template <class Visitor>
void members(Visitor& visit, AuthorizationData& data) {
  visit("authorizationToken", data.authorization_token);
  visit("expiresAt", data.expires_at);
  visit("proxyEndpoint", data.proxy_endpoint);
}

template <class Visitor>
void members(Visitor& visit, GetAuthorizationTokenRequest& request) {
  visit("registryIds", request.registry_ids);
}

template <class Visitor>
void members(Visitor& visit, GetAuthorizationTokenResponse& response) {
  visit.always("authorizationData", response.authorization_data);
}

template <class Visitor>
void members(Visitor& visit, CreateRepositoryRequest& request) {
  visit("registryId", request.registry_id);
  visit.required("repositoryName", request.repository_name);
  visit("tags", request.tags);
  visit("imageTagMutability", request.image_tag_mutability);
  visit("imageTagMutabilityExclusionFilters", request.image_tag_mutability_exclusion_filters);
  visit("imageScanningConfiguration", request.image_scanning_configuration);
  visit("encryptionConfiguration", request.encryption_configuration);
}

template <class Visitor>
void members(Visitor& visit, RepositoryResponse& response) {
  visit("repository", response.repository);
}

template <class Visitor>
void members(Visitor& visit, DeleteRepositoryRequest& request) {
  visit("registryId", request.registry_id);
  visit.required("repositoryName", request.repository_name);
  visit("force", request.force);
}

template <class Visitor>
void members(Visitor& visit, DescribeRepositoriesRequest& request) {
  visit("registryId", request.registry_id);
  visit("repositoryNames", request.repository_names);
  visit("nextToken", request.next_token);
  visit("maxResults", request.max_results);
}

template <class Visitor>
void members(Visitor& visit, DescribeRepositoriesResponse& response) {
  visit.always("repositories", response.repositories);
  visit("nextToken", response.next_token);
}

namespace {

struct ImagesFilter {
  std::optional<TagStatus> tag_status;
  std::optional<ImageStatus> image_status;
};

template <class Visitor>
void members(Visitor& visit, ImagesFilter& filter) {
  visit("tagStatus", filter.tag_status);
  visit("imageStatus", filter.image_status);
}

}  // namespace

template <class Visitor>
void members(Visitor& visit, ImagesRequest& request) {
  visit("registryId", request.registry_id);
  visit.required("repositoryName", request.repository_name);
  visit("imageIds", request.image_ids);
  visit("nextToken", request.next_token);
  visit("maxResults", request.max_results);
  std::optional<ImagesFilter> filter;
  visit("filter", filter);
  if (filter) request.tag_status = filter->tag_status.value_or(TagStatus::any);
  if (filter) request.image_status = filter->image_status.value_or(ImageStatus::active);
}

template <class Visitor>
void members(Visitor& visit, ListImagesResponse& response) {
  visit.always("imageIds", response.image_ids);
  visit("nextToken", response.next_token);
}

template <class Visitor>
void members(Visitor& visit, DescribeImagesResponse& response) {
  visit.always("imageDetails", response.image_details);
  visit("nextToken", response.next_token);
}

template <class Visitor>
void members(Visitor& visit, BatchImagesRequest& request) {
  visit("registryId", request.registry_id);
  visit.required("repositoryName", request.repository_name);
  visit.required("imageIds", request.image_ids);
  visit("acceptedMediaTypes", request.accepted_media_types);
}

template <class Visitor>
void members(Visitor& visit, BatchGetImageResponse& response) {
  visit.always("images", response.images);
  visit.always("failures", response.failures);
}

template <class Visitor>
void members(Visitor& visit, BatchDeleteImageResponse& response) {
  visit.always("imageIds", response.image_ids);
  visit.always("failures", response.failures);
}

template <class Visitor>
void members(Visitor& visit, PutImageRequest& request) {
  visit("registryId", request.registry_id);
  visit.required("repositoryName", request.repository_name);
  visit.required("imageManifest", request.image_manifest);
  visit("imageManifestMediaType", request.image_manifest_media_type);
  visit("imageTag", request.image_tag);
  visit("imageDigest", request.image_digest);
}

template <class Visitor>
void members(Visitor& visit, PutImageResponse& response) {
  visit("image", response.image);
}

template <class Visitor>
void members(Visitor& visit, PutImageTagMutabilityRequest& request) {
  visit("registryId", request.registry_id);
  visit.required("repositoryName", request.repository_name);
  visit.required("imageTagMutability", request.image_tag_mutability);
  visit("imageTagMutabilityExclusionFilters", request.image_tag_mutability_exclusion_filters);
}

template <class Visitor>
void members(Visitor& visit, PutImageTagMutabilityResponse& response) {
  visit("registryId", response.registry_id);
  visit("repositoryName", response.repository_name);
  visit("imageTagMutability", response.image_tag_mutability);
  visit("imageTagMutabilityExclusionFilters", response.image_tag_mutability_exclusion_filters);
}

template <class Visitor>
void members(Visitor& visit, TagResourceRequest& request) {
  visit.required("resourceArn", request.resource_arn);
  visit.required("tags", request.tags);
}

template <class Visitor>
void members(Visitor& visit, UntagResourceRequest& request) {
  visit.required("resourceArn", request.resource_arn);
  visit.required("tagKeys", request.tag_keys);
}

template <class Visitor>
void members(Visitor& visit, ListTagsForResourceRequest& request) {
  visit.required("resourceArn", request.resource_arn);
}

template <class Visitor>
void members(Visitor& visit, ListTagsForResourceResponse& response) {
  visit.always("tags", response.tags);
}

template <class Visitor>
void members(Visitor& visit, RepositoryRequest& request) {
  visit("registryId", request.registry_id);
  visit.required("repositoryName", request.repository_name);
}

template Result<GetAuthorizationTokenRequest> parse_request(std::string_view);
template Result<CreateRepositoryRequest> parse_request(std::string_view);
template Result<DeleteRepositoryRequest> parse_request(std::string_view);
template Result<DescribeRepositoriesRequest> parse_request(std::string_view);
template Result<ImagesRequest> parse_request(std::string_view);
template Result<BatchImagesRequest> parse_request(std::string_view);
template Result<PutImageRequest> parse_request(std::string_view);
template Result<PutImageTagMutabilityRequest> parse_request(std::string_view);
template Result<TagResourceRequest> parse_request(std::string_view);
template Result<UntagResourceRequest> parse_request(std::string_view);
template Result<ListTagsForResourceRequest> parse_request(std::string_view);
template Result<RepositoryRequest> parse_request(std::string_view);

template std::string to_json_text(const GetAuthorizationTokenResponse&);
template std::string to_json_text(const RepositoryResponse&);
template std::string to_json_text(const DescribeRepositoriesResponse&);
template std::string to_json_text(const ListImagesResponse&);
template std::string to_json_text(const DescribeImagesResponse&);
template std::string to_json_text(const BatchGetImageResponse&);
template std::string to_json_text(const BatchDeleteImageResponse&);
template std::string to_json_text(const PutImageResponse&);
template std::string to_json_text(const PutImageTagMutabilityResponse&);
template std::string to_json_text(const ListTagsForResourceResponse&);

constexpr std::string_view repository_name_pattern =
    "[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*(\\/[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*)*";

std::string check_repository_name(std::string_view name) {
  static const std::regex pattern(std::string{repository_name_pattern});
  if (name.size() >= 2 && name.size() <= 256 && std::regex_match(name.begin(), name.end(), pattern))
    return {};
  return format(
      "Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must satisfy regular expression "
      "'{}'' and be 2 to 256 characters long, found '{}'",
      repository_name_pattern, name);
}

}  // namespace gantry::api::ecr
