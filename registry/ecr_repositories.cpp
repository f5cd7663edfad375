#include "base/log.h"
#include "base/text.h"
#include "registry/ecr_service.h"

#include <algorithm>
#include <set>

namespace gantry::registry {
namespace {

namespace ecr = api::ecr;

constexpr size_t most_tags = 50;

static_assert(static_cast<int>(Mutability::immutable_with_exclusion) ==
                  static_cast<int>(ecr::TagMutability::immutable_with_exclusion),
              "the two enumerations have the same order");

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
    if (filter.filter_type != "WILDCARD" || filter.filter.empty()) {
      return invalid_parameter(
          "Invalid parameter at 'filterType': must be WILDCARD with a filter that is not empty");
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
    repository.tags[tag.key] = tag.value;
  }
  if (repository.tags.size() > most_tags) {
    return http::AwsError{"TooManyTagsException", format("A repository has at most {} tags", most_tags), 400};
  }
  return {};
}

http::AwsResult<Repository> repository_of(const ecr::CreateRepositoryRequest& request, TimePoint now) {
  const auto rule = ecr::check_repository_name(request.repository_name);
  if (!rule.empty()) return invalid_parameter(rule);
  if (request.encryption_configuration && request.encryption_configuration->encryption_type != "AES256") {
    return invalid_parameter(
        format("Invalid parameter at 'encryptionType': only AES256 is supported, found '{}'",
               request.encryption_configuration->encryption_type));
  }
  Repository repository;
  repository.name = request.repository_name;
  repository.created_at = to_epoch_seconds(now);
  repository.scan_on_push =
      request.image_scanning_configuration && request.image_scanning_configuration->scan_on_push;
  TRY(set_mutability(request.image_tag_mutability.value_or(ecr::TagMutability::mutable_tags),
                     request.image_tag_mutability_exclusion_filters, repository));
  TRY(add_tags(request.tags, repository));
  return repository;
}

}  // namespace

EcrService::Reply EcrService::get_authorization_token(const http::AwsCall& call) {
  const auto token = tokens_.issue(call.identity.access_key_id);
  const auto endpoint = format("{}://{}", options_.secure ? "https" : "http", call.host);
  log::info("authorization token issued key={} peer={}", call.identity.access_key_id, call.remote_address);
  return ecr::to_json_text(ecr::GetAuthorizationTokenResponse{
      {{base64_encode("AWS:" + token.text), to_epoch_seconds(token.expires_at), endpoint}}});
}

EcrService::Reply EcrService::create_repository(const http::AwsCall& call) {
  const auto request = TRY(parse<ecr::CreateRepositoryRequest>(call));
  TRY(check_registry(request.registry_id));
  const auto repository = TRY(repository_of(request, clock_.now()));
  const auto lock = repositories_.lock(repository.name);
  const auto created = repositories_.create(repository);
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
  if (names.empty()) {
    response.next_token = request.next_token;
    names = TRY(take_page(repositories_.names(), request.max_results, response.next_token));
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
  const auto lock = repositories_.lock(name);
  const auto repository = TRY(find(request.registry_id, name));
  const auto manifests = repositories_.manifests(name);
  if (!manifests) return from_failure(manifests.error(), name);
  if (!manifests->empty() && !request.force) {
    return http::AwsError{
        "RepositoryNotEmptyException",
        format("The repository with name '{}' in registry with id '{}' cannot be deleted because it "
               "still contains images",
               name, options_.account),
        400};
  }
  const auto removed = repositories_.remove(name);
  if (!removed) return from_failure(removed.error(), name);
  log::info("repository deleted name={} images={}", name, manifests->size());
  return ecr::to_json_text(ecr::RepositoryResponse{describe(repository, call.host)});
}

EcrService::Reply EcrService::put_image_tag_mutability(const http::AwsCall& call) {
  const auto request = TRY(parse<ecr::PutImageTagMutabilityRequest>(call));
  const auto lock = repositories_.lock(request.repository_name);
  auto repository = TRY(find(request.registry_id, request.repository_name));
  TRY(set_mutability(request.image_tag_mutability, request.image_tag_mutability_exclusion_filters,
                     repository));
  const auto saved = repositories_.save(repository);
  if (!saved) return from_failure(saved.error(), repository.name);
  return ecr::to_json_text(
      ecr::PutImageTagMutabilityResponse{options_.account, repository.name, request.image_tag_mutability,
                                         request.image_tag_mutability_exclusion_filters});
}

EcrService::Reply EcrService::describe_registry(const http::AwsCall&) {
  return ecr::describe_registry_text(options_.account);
}

EcrService::Reply EcrService::get_lifecycle_policy(const http::AwsCall& call) {
  const auto request = TRY(parse<ecr::RepositoryRequest>(call));
  TRY(find(request.registry_id, request.repository_name));
  return http::AwsError{
      "LifecyclePolicyNotFoundException",
      format("Lifecycle policy does not exist for the repository with name '{}' in the registry with "
             "id '{}'",
             request.repository_name, options_.account),
      400};
}

EcrService::Reply EcrService::get_repository_policy(const http::AwsCall& call) {
  const auto request = TRY(parse<ecr::RepositoryRequest>(call));
  TRY(find(request.registry_id, request.repository_name));
  return http::AwsError{
      "RepositoryPolicyNotFoundException",
      format("Repository policy does not exist for the repository with name '{}' in the registry "
             "with id '{}'",
             request.repository_name, options_.account),
      400};
}

EcrService::Reply EcrService::tag_resource(const http::AwsCall& call) {
  const auto request = TRY(parse<ecr::TagResourceRequest>(call));
  const auto named = TRY(find_by_arn(request.resource_arn));
  const auto lock = repositories_.lock(named.name);
  auto repository = TRY(find("", named.name));
  TRY(add_tags(request.tags, repository));
  const auto saved = repositories_.save(repository);
  if (!saved) return from_failure(saved.error(), repository.name);
  return std::string("{}");
}

EcrService::Reply EcrService::untag_resource(const http::AwsCall& call) {
  const auto request = TRY(parse<ecr::UntagResourceRequest>(call));
  const auto named = TRY(find_by_arn(request.resource_arn));
  const auto lock = repositories_.lock(named.name);
  auto repository = TRY(find("", named.name));
  for (const auto& key : request.tag_keys) repository.tags.erase(key);
  const auto saved = repositories_.save(repository);
  if (!saved) return from_failure(saved.error(), repository.name);
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
