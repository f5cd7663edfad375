#include "base/log.h"
#include "base/text.h"
#include "registry/ecr_service.h"

#include <algorithm>

namespace gantry::registry {
namespace {

namespace ecr = api::ecr;

constexpr size_t most_tags = 50;
constexpr int64_t most_filter_wildcards = 2;

static_assert(static_cast<int>(Mutability::immutable_with_exclusion) ==
                  static_cast<int>(ecr::TagMutability::immutable_with_exclusion),
              "the two enumerations have the same order");

http::AwsResult<Repository> requested_repository(const ecr::CreateRepositoryRequest& request) {
  TRY(check_encryption(request.encryption_configuration));
  Repository repository;
  repository.name = request.repository_name;
  repository.scan_on_push =
      request.image_scanning_configuration && request.image_scanning_configuration->scan_on_push;
  TRY(set_mutability(request.image_tag_mutability.value_or(ecr::TagMutability::mutable_tags),
                     request.image_tag_mutability_exclusion_filters, repository));
  TRY(add_tags(request.tags, repository));
  return repository;
}

}  // namespace

http::AwsResult<void> set_mutability(ecr::TagMutability mutability,
                                     const std::vector<ecr::ExclusionFilter>& filters,
                                     Repository& repository) {
  const bool wants_filters = mutability == ecr::TagMutability::mutable_with_exclusion ||
                             mutability == ecr::TagMutability::immutable_with_exclusion;
  if (wants_filters == filters.empty()) {
    return invalid_parameter(
        "Invalid parameter at 'imageTagMutabilityExclusionFilters': must be given exactly when "
        "imageTagMutability is "
        "MUTABLE_WITH_EXCLUSION or IMMUTABLE_WITH_EXCLUSION");
  }
  repository.exclusions.clear();
  for (const auto& filter : filters) {
    if (std::count(filter.filter.begin(), filter.filter.end(), '*') > most_filter_wildcards) {
      return ecr::constraint_error(
          "imageTagMutabilityExclusionFilters",
          format("a filter has at most {} wildcards (*), found {}", most_filter_wildcards, filter.filter));
    }
    repository.exclusions.push_back(filter.filter);
  }
  repository.mutability = static_cast<Mutability>(mutability);
  return {};
}

http::AwsResult<void> add_tags(const std::vector<ecr::Tag>& tags, Repository& repository) {
  for (const auto& tag : tags) {
    if (tag.key.empty() || tag.key.size() > 128 || tag.value.size() > 256) {
      return http::AwsError{
          "InvalidTagParameterException",
          format("Tag keys have 1 to 128 characters, values at most 256, found key '{}'", tag.key), 400};
    }
    if (starts_with_ignoring_case(tag.key, "aws:")) {
      return http::AwsError{"InvalidTagParameterException",
                            format("Tag keys that begin with aws: are reserved, found key '{}'", tag.key),
                            400};
    }
    repository.tags[tag.key] = tag.value;
  }
  if (repository.tags.size() > most_tags) {
    return http::AwsError{"TooManyTagsException", format("A repository has at most {} tags", most_tags), 400};
  }
  return {};
}

http::AwsResult<void> check_encryption(const std::optional<ecr::EncryptionConfiguration>& encryption) {
  if (!encryption || encryption->encryption_type == "AES256") {
    if (!encryption || encryption->kms_key.empty()) return {};
    return ecr::constraint_error("kmsKey", "must be given with encryptionType KMS only");
  }
  return ecr::constraint_error(
      "encryptionType", format("only AES256 is supported here, found {}", encryption->encryption_type));
}

EcrService::Reply EcrService::get_authorization_token(const http::AwsCall& call) {
  const auto request = TRY(parse<ecr::GetAuthorizationTokenRequest>(call));
  for (const auto& id : request.registry_ids) TRY(check_registry(id));
  const auto token = parts_.tokens.issue(call.identity.access_key_id);
  const auto endpoint = format("{}://{}", options_.secure ? "https" : "http", call.host);
  log::info("authorization token issued key={} peer={}", call.identity.access_key_id, call.remote_address);
  return ecr::to_json_text(ecr::GetAuthorizationTokenResponse{
      {{base64_encode("AWS:" + token.text), to_epoch_seconds(token.expires_at), endpoint}}});
}

EcrService::Reply EcrService::create_repository(const http::AwsCall& call) {
  const auto request = TRY(parse<ecr::CreateRepositoryRequest>(call));
  TRY(check_registry(request.registry_id));
  auto repository = TRY(requested_repository(request));
  repository.created_at = to_epoch_seconds(parts_.clock.now());
  const auto lock = parts_.repositories.lock(repository.name);
  const auto created = parts_.repositories.create(repository);
  if (!created && created.error().kind == FailureKind::repository_exists) {
    return http::AwsError{"RepositoryAlreadyExistsException",
                          format("The repository with name '{}' already exists in the registry with id '{}'",
                                 repository.name, options_.account),
                          400};
  }
  if (!created) return from_failure(created.error(), repository.name);
  log::info("repository created name={}", repository.name);
  return ecr::to_json_text(ecr::RepositoryResponse{describe(repository, call.host)});
}

EcrService::Reply EcrService::describe_repositories(const http::AwsCall& call) {
  const auto request = TRY(parse<ecr::DescribeRepositoriesRequest>(call));
  TRY(check_registry(request.registry_id));
  ecr::DescribeRepositoriesResponse response;
  auto names = request.repository_names;
  if (!names.empty() && (!request.next_token.empty() || request.max_results)) {
    return ecr::constraint_error("repositoryNames", "must not be given with nextToken or maxResults");
  }
  if (names.empty()) {
    response.next_token = request.next_token;
    names = TRY(take_page(parts_.repositories.names(), request.max_results, response.next_token));
  }
  for (const auto& name : names) {
    const auto repository = TRY(find(request.registry_id, name));
    response.repositories.push_back(describe(repository, call.host));
  }
  return ecr::to_json_text(response);
}

EcrService::Reply EcrService::delete_repository(const http::AwsCall& call) {
  const auto request = TRY(parse<ecr::DeleteRepositoryRequest>(call));
  const auto name = request.repository_name;
  const auto lock = parts_.repositories.lock(name);
  const auto repository = TRY(find(request.registry_id, name));
  const auto manifests = parts_.repositories.manifests(name);
  if (!manifests) return from_failure(manifests.error(), name);
  if (!manifests->empty() && !request.force) {
    return http::AwsError{
        "RepositoryNotEmptyException",
        format("The repository with name '{}' in registry with id '{}' cannot be deleted because it "
               "still contains images",
               name, options_.account),
        400};
  }
  const auto removed = parts_.repositories.remove(name);
  if (!removed) return from_failure(removed.error(), name);
  log::info("repository deleted name={} images={}", name, manifests->size());
  return ecr::to_json_text(ecr::RepositoryResponse{describe(repository, call.host)});
}

EcrService::Reply EcrService::put_image_tag_mutability(const http::AwsCall& call) {
  const auto request = TRY(parse<ecr::PutImageTagMutabilityRequest>(call));
  const auto before = TRY(change(request.registry_id, request.repository_name, [&](Repository& repository) {
    return set_mutability(request.image_tag_mutability, request.image_tag_mutability_exclusion_filters,
                          repository);
  }));
  return ecr::to_json_text(
      ecr::PutImageTagMutabilityResponse{options_.account, before.name, request.image_tag_mutability,
                                         request.image_tag_mutability_exclusion_filters});
}

EcrService::Reply EcrService::tag_resource(const http::AwsCall& call) {
  const auto request = TRY(parse<ecr::TagResourceRequest>(call));
  const auto named = TRY(find_by_arn(request.resource_arn));
  TRY(change("", named.name, [&](Repository& repository) { return add_tags(request.tags, repository); }));
  return std::string("{}");
}

EcrService::Reply EcrService::untag_resource(const http::AwsCall& call) {
  const auto request = TRY(parse<ecr::UntagResourceRequest>(call));
  const auto named = TRY(find_by_arn(request.resource_arn));
  TRY(change("", named.name, [&](Repository& repository) -> http::AwsResult<void> {
    for (const auto& key : request.tag_keys) repository.tags.erase(key);
    return {};
  }));
  return std::string("{}");
}

EcrService::Reply EcrService::list_tags_for_resource(const http::AwsCall& call) {
  const auto request = TRY(parse<ecr::ListTagsForResourceRequest>(call));
  const auto repository = TRY(find_by_arn(request.resource_arn));
  ecr::ListTagsForResourceResponse response;
  for (const auto& [key, value] : repository.tags) response.tags.push_back({key, value});
  return ecr::to_json_text(response);
}

}  // namespace gantry::registry
