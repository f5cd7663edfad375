// Templates for repositories that a push makes.

#include "base/log.h"
#include "registry/ecr_service.h"

namespace gantry::registry {
namespace {

namespace ecr = api::ecr;

http::AwsError template_not_found(const std::string& prefix, const std::string& account) {
  return {
      "TemplateNotFoundException",
      format("The repository creation template with prefix '{}' does not exist in the registry with id '{}'",
             prefix, account),
      400};
}

// "team-a/" and "team-a" are the same prefix.
std::string bare(const std::string& prefix) {
  return prefix.ends_with('/') ? prefix.substr(0, prefix.size() - 1) : prefix;
}

void merge(const ecr::TemplateUpdate& update, ecr::CreationTemplate& merged) {
  const auto take = [](const auto& from, auto& to) {
    if (from) to = *from;
  };
  take(update.description, merged.description);
  if (update.encryption_configuration) merged.encryption_configuration = update.encryption_configuration;
  take(update.resource_tags, merged.resource_tags);
  if (update.image_tag_mutability) {
    merged.image_tag_mutability = update.image_tag_mutability;
    merged.image_tag_mutability_exclusion_filters.clear();
  }
  take(update.image_tag_mutability_exclusion_filters, merged.image_tag_mutability_exclusion_filters);
  take(update.repository_policy, merged.repository_policy);
  take(update.lifecycle_policy, merged.lifecycle_policy);
  take(update.applied_for, merged.applied_for);
  take(update.custom_role_arn, merged.custom_role_arn);
}

http::AwsResult<void> check_template(const ecr::CreationTemplate& made) {
  TRY(repository_of(made));
  if (made.applied_for.empty()) return validation_error("'appliedFor' must name at least one scenario");
  if (made.custom_role_arn.empty()) return {};
  return validation_error("'customRoleArn' is not supported: this registry assumes no roles");
}

}  // namespace

http::AwsResult<Repository> repository_of(const ecr::CreationTemplate& made) {
  Repository repository;
  TRY(check_encryption(made.encryption_configuration));
  TRY(set_mutability(made.image_tag_mutability.value_or(ecr::TagMutability::mutable_tags),
                     made.image_tag_mutability_exclusion_filters, repository));
  TRY(add_tags(made.resource_tags, repository));
  if (!made.repository_policy.empty()) {
    repository.policy = TRY(read_access_policy(made.repository_policy, PolicyOf::repository));
  }
  if (!made.lifecycle_policy.empty())
    repository.lifecycle = TRY(read_lifecycle_policy(made.lifecycle_policy));
  return repository;
}

EcrService::Reply EcrService::create_repository_creation_template(const Call& call) {
  auto made = TRY(parse<ecr::CreationTemplate>(call));
  made.prefix = bare(made.prefix);
  made.created_at = made.updated_at = to_epoch_seconds(parts_.clock.now());
  TRY(check_template(made));
  TRY(parts_.settings.change([&](RegistrySettings& settings) -> http::AwsResult<void> {
    if (settings.templates.emplace(made.prefix, made).second) return {};
    return http::AwsError{
        "TemplateAlreadyExistsException",
        format(
            "The repository creation template with prefix '{}' already exists in the registry with id '{}'",
            made.prefix, options_.account),
        400};
  }));
  log::info("creation template made prefix={}", made.prefix);
  return ecr::to_json_text(ecr::TemplateResponse{options_.account, made});
}

EcrService::Reply EcrService::update_repository_creation_template(const Call& call) {
  const auto update = TRY(parse<ecr::TemplateUpdate>(call));
  const auto prefix = bare(update.prefix);
  ecr::CreationTemplate merged;
  TRY(parts_.settings.change([&](RegistrySettings& settings) -> http::AwsResult<void> {
    const auto found = settings.templates.find(prefix);
    if (found == settings.templates.end()) return template_not_found(prefix, options_.account);
    merged = found->second;
    merge(update, merged);
    merged.updated_at = to_epoch_seconds(parts_.clock.now());
    TRY(check_template(merged));
    found->second = merged;
    return {};
  }));
  return ecr::to_json_text(ecr::TemplateResponse{options_.account, merged});
}

EcrService::Reply EcrService::delete_repository_creation_template(const Call& call) {
  const auto request = TRY(parse<ecr::TemplateRequest>(call));
  const auto prefix = bare(request.prefix);
  ecr::CreationTemplate removed;
  TRY(parts_.settings.change([&](RegistrySettings& settings) -> http::AwsResult<void> {
    const auto found = settings.templates.find(prefix);
    if (found == settings.templates.end()) return template_not_found(prefix, options_.account);
    removed = found->second;
    settings.templates.erase(found);
    return {};
  }));
  return ecr::to_json_text(ecr::TemplateResponse{options_.account, removed});
}

EcrService::Reply EcrService::describe_repository_creation_templates(const Call& call) {
  const auto request = TRY(parse<ecr::TemplatesRequest>(call));
  const auto settings = parts_.settings.get();
  std::vector<ecr::CreationTemplate> all;
  for (const auto& prefix : request.prefixes) {
    const auto found = settings->templates.find(bare(prefix));
    if (found != settings->templates.end()) all.push_back(found->second);
  }
  if (request.prefixes.empty()) {
    for (const auto& entry : settings->templates) all.push_back(entry.second);
  }
  ecr::TemplatesResponse response{options_.account, {}, request.next_token};
  response.repository_creation_templates =
      TRY(take_page(std::move(all), request.max_results, response.next_token));
  return ecr::to_json_text(response);
}

}  // namespace gantry::registry
