// Settings of the whole registry, and what of ECR has no counterpart here: other regions, upstream
// registries, AWS Signer.

#include "registry/ecr_service.h"

namespace gantry::registry {
namespace {

namespace ecr = api::ecr;

http::AwsError no_signing_configuration(const std::string& account) {
  return {"SigningConfigurationNotFoundException",
          format("Signing configuration does not exist in the registry with id '{}'", account), 400};
}

http::AwsError no_pull_through_rule(const std::string& prefix, const std::string& account) {
  return {"PullThroughCacheRuleNotFoundException",
          format("The pull through cache rule with prefix '{}' does not exist in the registry with id '{}'",
                 prefix, account),
          400};
}

http::AwsError exclusion_not_found(const std::string& arn, const std::string& account) {
  return {"ExclusionNotFoundException",
          format("The pull time update exclusion for '{}' does not exist in the registry with id '{}'", arn,
                 account),
          400};
}

}  // namespace

EcrService::Reply EcrService::describe_registry(const Call&) {
  return ecr::to_json_text(ecr::ReplicationMessage{options_.account, {}});
}

// There is no other registry to replicate to: only a configuration without destinations can be kept.
EcrService::Reply EcrService::put_replication_configuration(const Call& call) {
  const auto request = TRY(parse<ecr::ReplicationMessage>(call));
  for (const auto& rule : request.replication_configuration.rules) {
    for (const auto& destination : rule.destinations) {
      const bool itself =
          destination.region == options_.region && destination.registry_id == options_.account;
      return validation_error(
          itself ? format("Invalid replication configuration: the destination is this registry, '{}' in '{}'",
                          destination.registry_id, destination.region)
                 : format("Invalid replication configuration: this registry can't replicate to the registry "
                          "with id "
                          "'{}' in '{}'",
                          destination.registry_id, destination.region));
    }
    return validation_error("Invalid replication configuration: a rule must have a destination");
  }
  return ecr::to_json_text(ecr::ReplicationMessage{});
}

EcrService::Reply EcrService::describe_image_replication_status(const Call& call) {
  const auto image = TRY(find_image(call));
  return ecr::to_json_text(ecr::ReplicationStatusResponse{image.repository.name, image.id});
}

EcrService::Reply EcrService::put_account_setting(const Call& call) {
  const auto request = TRY(parse<ecr::AccountSetting>(call));
  if (!is_account_setting(request.name, request.value)) {
    return validation_error(
        format("The account setting '{}' can't have the value '{}': BASIC_SCAN_TYPE_VERSION is "
               "AWS_NATIVE, REGISTRY_POLICY_SCOPE V1 or V2, BLOB_MOUNTING ENABLED or DISABLED",
               request.name, request.value));
  }
  TRY(parts_.settings.change([&](RegistrySettings& settings) -> http::AwsResult<void> {
    settings.account_settings[request.name] = request.value;
    return {};
  }));
  return ecr::to_json_text(request);
}

EcrService::Reply EcrService::get_account_setting(const Call& call) {
  const auto request = TRY(parse<ecr::AccountSetting>(call));
  const auto value = account_setting(*parts_.settings.get(), request.name);
  if (value.empty()) return validation_error(format("There is no account setting '{}'", request.name));
  return ecr::to_json_text(ecr::AccountSetting{request.name, value});
}

EcrService::Reply EcrService::register_pull_time_update_exclusion(const Call& call) {
  auto request = TRY(parse<ecr::PullTimeExclusion>(call));
  request.created_at = to_epoch_seconds(parts_.clock.now());
  TRY(parts_.settings.change([&](RegistrySettings& settings) -> http::AwsResult<void> {
    if (settings.pull_time_exclusions.emplace(request.principal_arn, *request.created_at).second) return {};
    return http::AwsError{
        "ExclusionAlreadyExistsException",
        format("The pull time update exclusion for '{}' already exists in the registry with id '{}'",
               request.principal_arn, options_.account),
        400};
  }));
  return ecr::to_json_text(request);
}

EcrService::Reply EcrService::deregister_pull_time_update_exclusion(const Call& call) {
  const auto request = TRY(parse<ecr::PullTimeExclusion>(call));
  TRY(parts_.settings.change([&](RegistrySettings& settings) -> http::AwsResult<void> {
    if (settings.pull_time_exclusions.erase(request.principal_arn) > 0) return {};
    return exclusion_not_found(request.principal_arn, options_.account);
  }));
  return ecr::to_json_text(request);
}

EcrService::Reply EcrService::list_pull_time_update_exclusions(const Call& call) {
  const auto request = TRY(parse<ecr::ExclusionsRequest>(call));
  std::vector<std::string> all;
  for (const auto& entry : parts_.settings.get()->pull_time_exclusions) all.push_back(entry.first);
  ecr::ExclusionsResponse response{{}, request.next_token};
  response.pull_time_update_exclusions =
      TRY(take_page(std::move(all), request.max_results, response.next_token));
  return ecr::to_json_text(response);
}

// A rule names a profile of AWS Signer, which isn't to be had here: only a configuration without rules is
// kept.
EcrService::Reply EcrService::put_signing_configuration(const Call& call) {
  const auto request = TRY(parse<ecr::SigningMessage>(call));
  if (!request.signing_configuration.rules.empty()) {
    return validation_error(
        "Invalid signing configuration: this registry can't sign with profiles of AWS Signer");
  }
  TRY(parts_.settings.change([](RegistrySettings& settings) -> http::AwsResult<void> {
    settings.has_signing_configuration = true;
    return {};
  }));
  return ecr::to_json_text(ecr::SigningMessage{});
}

EcrService::Reply EcrService::get_signing_configuration(const Call&) {
  if (!parts_.settings.get()->has_signing_configuration) return no_signing_configuration(options_.account);
  return ecr::to_json_text(ecr::SigningMessage{options_.account, {}});
}

EcrService::Reply EcrService::delete_signing_configuration(const Call&) {
  TRY(parts_.settings.change([&](RegistrySettings& settings) -> http::AwsResult<void> {
    if (!settings.has_signing_configuration) return no_signing_configuration(options_.account);
    settings.has_signing_configuration = false;
    return {};
  }));
  return ecr::to_json_text(ecr::SigningMessage{options_.account, {}});
}

EcrService::Reply EcrService::describe_image_signing_status(const Call& call) {
  const auto image = TRY(find_image(call));
  return ecr::to_json_text(ecr::SigningStatusResponse{options_.account, image.repository.name, image.id});
}

EcrService::Reply EcrService::create_pull_through_cache_rule(const Call& call) {
  const auto request = TRY(parse<ecr::PullThroughRequest>(call));
  TRY(check_registry(request.registry_id));
  return http::AwsError{
      "UnsupportedUpstreamRegistryException",
      format("The specified upstream registry '{}' isn't supported: this registry caches no other.",
             request.upstream_registry_url),
      400};
}

// Deleting, updating and validating: there is never a rule.
EcrService::Reply EcrService::refuse_pull_through_cache_rule(const Call& call) {
  const auto request = TRY(parse<ecr::PullThroughRequest>(call));
  TRY(check_registry(request.registry_id));
  return no_pull_through_rule(request.ecr_repository_prefix, options_.account);
}

EcrService::Reply EcrService::describe_pull_through_cache_rules(const Call& call) {
  const auto request = TRY(parse<ecr::PullThroughRulesRequest>(call));
  TRY(check_registry(request.registry_id));
  if (request.ecr_repository_prefixes.empty()) return std::string(R"({"pullThroughCacheRules":[]})");
  return no_pull_through_rule(request.ecr_repository_prefixes.front(), options_.account);
}

}  // namespace gantry::registry
