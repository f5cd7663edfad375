// What ECR's operations share: finding what they name, and saying what is missing.

#include "registry/ecr_service.h"

#include "base/text.h"

namespace gantry::registry {

http::AwsResult<void> EcrService::check_registry(const std::string& registry_id) const {
  if (registry_id.empty() || registry_id == options_.account) return {};
  return invalid_parameter(format("Invalid parameter at 'registryId': this registry's id is '{}', not '{}'",
                                  options_.account, registry_id));
}

http::AwsResult<Repository> EcrService::find(const std::string& registry_id, const std::string& name) const {
  TRY(check_registry(registry_id));
  const auto rule = api::ecr::check_repository_name(name);
  if (!rule.empty()) return invalid_parameter(rule);
  auto repository = parts_.repositories.find(name);
  if (!repository) return repository_not_found(name);
  return std::move(*repository);
}

http::AwsResult<Repository> EcrService::find_by_arn(const std::string& arn) const {
  const auto prefix = parts_.access.repository_arn("");
  if (!arn.starts_with(prefix)) {
    return invalid_parameter(
        format("Invalid parameter at 'resourceArn' failed to satisfy constraint: 'Invalid ARN': "
               "must begin with '{}', found '{}'",
               prefix, arn));
  }
  return find("", arn.substr(prefix.size()));
}

http::AwsResult<EcrService::FoundImage> EcrService::find_image(const Call& call) const {
  const auto request = TRY(parse<api::ecr::ImageRequest>(call));
  FoundImage found;
  found.repository = TRY(find(request.registry_id, request.repository_name));
  found.id = request.image_id;
  if (found.id.image_digest.empty() && found.id.image_tag.empty()) {
    return api::ecr::constraint_error("imageId", "must have an imageDigest or an imageTag");
  }
  found.record = TRY(find_image(found.repository.name, found.id));
  found.id.image_digest = found.record.digest;
  found.target_storage_class = request.target_storage_class;
  return found;
}

http::AwsResult<Repository> EcrService::change(
    const std::string& registry_id, const std::string& name,
    const std::function<http::AwsResult<void>(Repository&)>& change) {
  const auto lock = parts_.repositories.lock(name);
  const auto before = TRY(find(registry_id, name));
  auto changed = before;
  TRY(change(changed));
  const auto saved = parts_.repositories.save(changed);
  if (!saved) return from_failure(saved.error(), name);
  return before;
}

api::ecr::Repository EcrService::describe(const Repository& repository, const std::string& host) const {
  api::ecr::Repository described;
  described.repository_arn = parts_.access.repository_arn(repository.name);
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

http::AwsError EcrService::missing_in(const std::string& name, std::string_view what,
                                      const std::string& repository) const {
  return {name,
          format("{} does not exist for the repository with name '{}' in the registry with id '{}'", what,
                 repository, options_.account),
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
    case FailureKind::denied:
      return {"AccessDeniedException", failure.message, 400};
    case FailureKind::tag_immutable:
      return {"ImageTagAlreadyExistsException", failure.message, 400};
    case FailureKind::manifest_blob_unknown:
      return {"LayersNotFoundException", failure.message, 400};
    case FailureKind::manifest_reference_unknown:
      return {"ReferencedImagesNotFoundException", failure.message, 400};
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
    case FailureKind::image_archived:
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

std::string page_token(size_t index) {
  return base64_encode(format("{}", index));
}

}  // namespace gantry::registry
