// Policies of access and lifecycle policies.

#include "api/ecr_policy_model.h"
#include "base/log.h"
#include "oci/reference.h"
#include "registry/ecr_service.h"

#include <algorithm>

namespace gantry::registry {
namespace {

namespace ecr = api::ecr;

constexpr std::string_view no_lifecycle = "LifecyclePolicyNotFoundException";

ecr::LifecyclePolicyResponse lifecycle_response(const std::string& account, const Repository& repository) {
  return {account, repository.name, repository.lifecycle->text, repository.lifecycle_evaluated_at, {}};
}

bool has_tag_status(const ecr::PreviewResult& result, ecr::TagStatus status) {
  return status == ecr::TagStatus::any || (status == ecr::TagStatus::tagged) == !result.image_tags.empty();
}

bool is_named(const ecr::PreviewResult& result, const std::vector<ecr::ImageIdentifier>& ids) {
  return ids.empty() || std::any_of(ids.begin(), ids.end(), [&](const ecr::ImageIdentifier& id) {
           const auto& tags = result.image_tags;
           return (id.image_digest.empty() || id.image_digest == result.image_digest) &&
                  (id.image_tag.empty() || std::find(tags.begin(), tags.end(), id.image_tag) != tags.end());
         });
}

}  // namespace

http::AwsResult<std::shared_ptr<const AccessPolicy>> read_access_policy(const std::string& text,
                                                                        PolicyOf kind) {
  auto policy = parse_access_policy(text, kind);
  if (policy) return std::make_shared<const AccessPolicy>(std::move(*policy));
  return ecr::constraint_error("PolicyText", format("Invalid {} policy provided: {}",
                                                    kind == PolicyOf::repository ? "repository" : "registry",
                                                    policy.error().message()));
}

http::AwsResult<std::shared_ptr<const LifecyclePolicy>> read_lifecycle_policy(const std::string& text) {
  auto policy = parse_lifecycle_policy(text);
  if (policy) return std::make_shared<const LifecyclePolicy>(std::move(*policy));
  return ecr::constraint_error("LifecyclePolicyText",
                               format("Lifecycle policy validation failure: {}", policy.error().message()));
}

EcrService::Reply EcrService::set_repository_policy(const Call& call) {
  const auto request = TRY(parse<ecr::SetRepositoryPolicyRequest>(call));
  const auto policy = TRY(read_access_policy(request.policy_text, PolicyOf::repository));
  const auto principal = parts_.access.principal(call.identity.access_key_id);
  const auto arn = parts_.access.repository_arn(request.repository_name);
  if (!request.force && decide(*policy, principal, "ecr:SetRepositoryPolicy", arn) == Decision::denied) {
    return ecr::constraint_error(
        "PolicyText", format("the policy would keep {} from setting another one; use force to set it all "
                             "the same",
                             principal.arn));
  }
  const auto before = TRY(change(request.registry_id, request.repository_name,
                                 [&](Repository& repository) -> http::AwsResult<void> {
                                   repository.policy = policy;
                                   return {};
                                 }));
  log::info("repository policy set repository={} by={}", before.name, principal.arn);
  return ecr::to_json_text(ecr::PolicyResponse{options_.account, before.name, policy->text});
}

EcrService::Reply EcrService::get_repository_policy(const Call& call) {
  const auto request = TRY(parse<ecr::RepositoryRequest>(call));
  const auto repository = TRY(find(request.registry_id, request.repository_name));
  if (!repository.policy) {
    return missing_in("RepositoryPolicyNotFoundException", "Repository policy", repository.name);
  }
  return ecr::to_json_text(ecr::PolicyResponse{options_.account, repository.name, repository.policy->text});
}

EcrService::Reply EcrService::delete_repository_policy(const Call& call) {
  const auto request = TRY(parse<ecr::RepositoryRequest>(call));
  const auto before = TRY(change(
      request.registry_id, request.repository_name, [&](Repository& repository) -> http::AwsResult<void> {
        if (!repository.policy) {
          return missing_in("RepositoryPolicyNotFoundException", "Repository policy", repository.name);
        }
        repository.policy.reset();
        return {};
      }));
  return ecr::to_json_text(ecr::PolicyResponse{options_.account, before.name, before.policy->text});
}

EcrService::Reply EcrService::put_registry_policy(const Call& call) {
  const auto request = TRY(parse<ecr::PutRegistryPolicyRequest>(call));
  const auto policy = TRY(read_access_policy(request.policy_text, PolicyOf::registry));
  TRY(parts_.settings.change([&](RegistrySettings& settings) -> http::AwsResult<void> {
    settings.policy = policy;
    return {};
  }));
  log::info("registry policy set by={}", call.identity.access_key_id);
  return ecr::to_json_text(ecr::PolicyResponse{options_.account, {}, policy->text});
}

EcrService::Reply EcrService::get_registry_policy(const Call&) {
  const auto settings = parts_.settings.get();
  if (settings->policy)
    return ecr::to_json_text(ecr::PolicyResponse{options_.account, {}, settings->policy->text});
  return http::AwsError{
      "RegistryPolicyNotFoundException",
      format("Registry policy does not exist in the registry with id '{}'", options_.account), 400};
}

EcrService::Reply EcrService::delete_registry_policy(const Call& call) {
  const auto answer = TRY(get_registry_policy(call));
  TRY(parts_.settings.change([&](RegistrySettings& settings) -> http::AwsResult<void> {
    settings.policy.reset();
    return {};
  }));
  return answer;
}

EcrService::Reply EcrService::put_lifecycle_policy(const Call& call) {
  const auto request = TRY(parse<ecr::LifecyclePolicyRequest>(call));
  const auto policy = TRY(read_lifecycle_policy(request.lifecycle_policy_text));
  const auto before = TRY(change(request.registry_id, request.repository_name,
                                 [&](Repository& repository) -> http::AwsResult<void> {
                                   repository.lifecycle = policy;
                                   repository.lifecycle_host = call.host;
                                   repository.lifecycle_evaluated_at = 0;
                                   return {};
                                 }));
  log::info("lifecycle policy put repository={} rules={}", before.name, policy->rules.size());
  parts_.lifecycle.apply_soon(before.name);
  return ecr::to_json_text(ecr::LifecyclePolicyResponse{options_.account, before.name, policy->text, {}, {}});
}

EcrService::Reply EcrService::get_lifecycle_policy(const Call& call) {
  const auto request = TRY(parse<ecr::RepositoryRequest>(call));
  const auto repository = TRY(find(request.registry_id, request.repository_name));
  if (!repository.lifecycle)
    return missing_in(std::string(no_lifecycle), "Lifecycle policy", repository.name);
  return ecr::to_json_text(lifecycle_response(options_.account, repository));
}

EcrService::Reply EcrService::delete_lifecycle_policy(const Call& call) {
  const auto request = TRY(parse<ecr::RepositoryRequest>(call));
  const auto before = TRY(change(
      request.registry_id, request.repository_name, [&](Repository& repository) -> http::AwsResult<void> {
        if (!repository.lifecycle) {
          return missing_in(std::string(no_lifecycle), "Lifecycle policy", repository.name);
        }
        repository.lifecycle.reset();
        return {};
      }));
  log::info("lifecycle policy deleted repository={}", before.name);
  return ecr::to_json_text(lifecycle_response(options_.account, before));
}

EcrService::Reply EcrService::start_lifecycle_policy_preview(const Call& call) {
  const auto request = TRY(parse<ecr::LifecyclePolicyRequest>(call));
  const auto repository = TRY(find(request.registry_id, request.repository_name));
  std::string text = request.lifecycle_policy_text;
  if (text.empty() && !repository.lifecycle) {
    return missing_in(std::string(no_lifecycle), "Lifecycle policy", repository.name);
  }
  if (text.empty()) text = repository.lifecycle->text;
  TRY(read_lifecycle_policy(text));
  const auto begun = parts_.lifecycle.begin_preview(repository.name, text);
  if (!begun && begun.error().kind == FailureKind::upload_busy) {
    return http::AwsError{
        "LifecyclePolicyPreviewInProgressException",
        "The previous lifecycle policy preview request has not completed. Wait and try again.", 400};
  }
  if (!begun) return from_failure(begun.error(), repository.name);
  return ecr::to_json_text(
      ecr::LifecyclePolicyResponse{options_.account, repository.name, text, {}, "IN_PROGRESS"});
}

EcrService::Reply EcrService::get_lifecycle_policy_preview(const Call& call) {
  const auto request = TRY(parse<ecr::PreviewRequest>(call));
  const auto repository = TRY(find(request.registry_id, request.repository_name));
  if (!request.image_ids.empty() && (!request.next_token.empty() || request.max_results)) {
    return ecr::constraint_error("imageIds", "must not be given with nextToken or maxResults");
  }
  auto preview = parts_.lifecycle.preview(repository.name);
  if (!preview) return from_failure(preview.error(), repository.name);
  if (preview->status.empty()) {
    return missing_in("LifecyclePolicyPreviewNotFoundException", "Lifecycle policy preview", repository.name);
  }
  std::erase_if(preview->preview_results, [&](const ecr::PreviewResult& result) {
    return !has_tag_status(result, request.tag_status) || !is_named(result, request.image_ids);
  });
  preview->registry_id = options_.account;
  preview->next_token = request.next_token;
  preview->preview_results =
      TRY(take_page(std::move(preview->preview_results), request.max_results, preview->next_token));
  return ecr::to_json_text(*preview);
}

}  // namespace gantry::registry
