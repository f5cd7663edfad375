#pragma once

#include "base/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// The shapes of ECR's API that gantry-registry serves. Names and optionality follow the service model, API
// version 2015-09-21; times are epoch seconds. Members of a request that a struct lacks are those that its
// operation refuses or has no use for.
namespace gantry::api::ecr {

inline constexpr std::string_view target_prefix = "AmazonEC2ContainerRegistry_V20150921";
inline constexpr std::string_view signing_name = "ecr";

enum class TagMutability { mutable_tags, immutable_tags, mutable_with_exclusion, immutable_with_exclusion };
enum class TagStatus { any, tagged, untagged };
enum class ImageStatus { active, archived, activating, any };  // "any" in filters only
enum class FailureCode {
  invalid_image_digest,
  invalid_image_tag,
  image_tag_does_not_match_digest,
  image_not_found,
  missing_digest_and_tag,
  image_referenced_by_manifest_list,
  image_inaccessible,  // archived
};

struct Tag {
  std::string key;
  std::string value;
};

// A pattern with "*" for tags to which a repository's mutability doesn't apply.
struct ExclusionFilter {
  std::string filter_type;  // "WILDCARD"
  std::string filter;
};

struct ImageScanningConfiguration {
  bool scan_on_push = false;
};
struct EncryptionConfiguration {
  std::string encryption_type;  // "AES256", "KMS"
  std::string kms_key;
};

struct Repository {
  std::string repository_arn;
  std::string registry_id;
  std::string repository_name;
  std::string repository_uri;
  double created_at = 0;
  TagMutability image_tag_mutability = TagMutability::mutable_tags;
  std::vector<ExclusionFilter> image_tag_mutability_exclusion_filters;
  ImageScanningConfiguration image_scanning_configuration;
  EncryptionConfiguration encryption_configuration;
};

struct ImageIdentifier {
  std::string image_digest;
  std::string image_tag;
};

struct ImageFailure {
  ImageIdentifier image_id;
  FailureCode failure_code = FailureCode::image_not_found;
  std::string failure_reason;
};

struct Image {
  std::string registry_id;
  std::string repository_name;
  ImageIdentifier image_id;
  std::string image_manifest;
  std::string image_manifest_media_type;
};

struct ImageDetail {
  std::string registry_id;
  std::string repository_name;
  std::string image_digest;
  std::vector<std::string> image_tags;
  int64_t image_size_in_bytes = 0;  // compressed: layers and config
  double image_pushed_at = 0;
  std::string image_manifest_media_type;
  std::string artifact_media_type;
  std::optional<double> last_recorded_pull_time;
  std::string subject_manifest_digest;
  ImageStatus image_status = ImageStatus::active;
  std::optional<double> last_archived_at;
  std::optional<double> last_activated_at;
};

struct AuthorizationData {
  std::string authorization_token;  // base64 of "AWS:PASSWORD"
  double expires_at = 0;
  std::string proxy_endpoint;
};

struct GetAuthorizationTokenRequest {
  std::vector<std::string> registry_ids;
};
struct GetAuthorizationTokenResponse {
  std::vector<AuthorizationData> authorization_data;
};

struct CreateRepositoryRequest {
  std::string registry_id;
  std::string repository_name;
  std::vector<Tag> tags;
  std::optional<TagMutability> image_tag_mutability;
  std::vector<ExclusionFilter> image_tag_mutability_exclusion_filters;
  std::optional<ImageScanningConfiguration> image_scanning_configuration;
  std::optional<EncryptionConfiguration> encryption_configuration;
};
struct RepositoryResponse {  // of CreateRepository and DeleteRepository
  Repository repository;
};
struct DeleteRepositoryRequest {
  std::string registry_id;
  std::string repository_name;
  bool force = false;
};
struct DescribeRepositoriesRequest {
  std::string registry_id;
  std::vector<std::string> repository_names;
  std::string next_token;
  std::optional<int64_t> max_results;
};
struct DescribeRepositoriesResponse {
  std::vector<Repository> repositories;
  std::string next_token;
};

// ListImages and DescribeImages: `image_ids` is DescribeImages' only.
struct ImagesRequest {
  std::string registry_id;
  std::string repository_name;
  std::vector<ImageIdentifier> image_ids;
  std::string next_token;
  std::optional<int64_t> max_results;
  TagStatus tag_status = TagStatus::any;           // filter.tagStatus
  ImageStatus image_status = ImageStatus::active;  // filter.imageStatus
};
struct ListImagesResponse {
  std::vector<ImageIdentifier> image_ids;
  std::string next_token;
};
struct DescribeImagesResponse {
  std::vector<ImageDetail> image_details;
  std::string next_token;
};

// BatchGetImage and BatchDeleteImage.
struct BatchImagesRequest {
  std::string registry_id;
  std::string repository_name;
  std::vector<ImageIdentifier> image_ids;  // 1 to 100
  std::vector<std::string> accepted_media_types;
};
struct BatchGetImageResponse {
  std::vector<Image> images;
  std::vector<ImageFailure> failures;
};
struct BatchDeleteImageResponse {
  std::vector<ImageIdentifier> image_ids;
  std::vector<ImageFailure> failures;
};

struct PutImageRequest {
  std::string registry_id;
  std::string repository_name;
  std::string image_manifest;
  std::string image_manifest_media_type;
  std::string image_tag;
  std::string image_digest;
};
struct PutImageResponse {
  Image image;
};

struct PutImageTagMutabilityRequest {
  std::string registry_id;
  std::string repository_name;
  TagMutability image_tag_mutability = TagMutability::mutable_tags;
  std::vector<ExclusionFilter> image_tag_mutability_exclusion_filters;
};
struct PutImageTagMutabilityResponse {
  std::string registry_id;
  std::string repository_name;
  TagMutability image_tag_mutability = TagMutability::mutable_tags;
  std::vector<ExclusionFilter> image_tag_mutability_exclusion_filters;
};

struct TagResourceRequest {
  std::string resource_arn;
  std::vector<Tag> tags;
};
struct UntagResourceRequest {
  std::string resource_arn;
  std::vector<std::string> tag_keys;
};
struct ListTagsForResourceRequest {
  std::string resource_arn;
};
struct ListTagsForResourceResponse {
  std::vector<Tag> tags;
};

// A request that names only a repository (GetLifecyclePolicy, GetRepositoryPolicy, InitiateLayerUpload, …).
struct RepositoryRequest {
  std::string registry_id;
  std::string repository_name;
};

// Each T is a request above, or of ecr_layer_model.h, ecr_policy_model.h and ecr_registry_model.h; errors
// name the JSON path. Defined in the _json.cpp of the model's header for exactly those.
template <class T>
Result<T> parse_request(std::string_view text);
// Each T is a response of the same headers.
template <class T>
std::string to_json_text(const T& response);

// Rules of the model, as InvalidParameterException words them; empty when they hold.
std::string check_repository_name(std::string_view name);

}  // namespace gantry::api::ecr
