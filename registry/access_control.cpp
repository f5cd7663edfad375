#include "registry/access_control.h"

#include "oci/digest.h"
#include "registry/distribution.h"

#include <algorithm>

namespace gantry::registry {
namespace {

constexpr std::string_view read_action = "ecr:GetDownloadUrlForLayer";

// ECR's action for a request of OCI Distribution; empty: none of a repository.
std::string_view action_of(const Route& route, std::string_view method) {
  const bool reads = method == "GET" || method == "HEAD";
  switch (route.resource) {
    case Resource::tags:
      return "ecr:ListImages";
    case Resource::referrers:
      return "ecr:BatchGetImage";
    case Resource::manifest:
      return reads ? "ecr:BatchGetImage" : method == "DELETE" ? "ecr:BatchDeleteImage" : "ecr:PutImage";
    case Resource::blob:
      return method == "HEAD" ? "ecr:BatchCheckLayerAvailability"
             : reads          ? read_action
                              : "ecr:BatchDeleteImage";
    case Resource::upload:
      return method == "POST"  ? "ecr:InitiateLayerUpload"
             : method == "PUT" ? "ecr:CompleteLayerUpload"
                               : "ecr:UploadLayerPart";
    case Resource::base:
    case Resource::catalog:
    case Resource::unknown:
      break;
  }
  return {};
}

// With REGISTRY_POLICY_SCOPE V1 the registry's policy is about these alone.
bool is_of_first_scope(std::string_view action) {
  return action == "ecr:ReplicateImage" || action == "ecr:BatchImportUpstreamImage" ||
         action == "ecr:CreateRepository";
}

}  // namespace

Principal AccessControl::principal(const std::string& key_id) const {
  const auto name = name_of_ ? name_of_(key_id) : std::string();
  return {account_, format("arn:aws:iam::{}:user/{}", account_, name.empty() ? key_id : name)};
}

std::string AccessControl::repository_arn(std::string_view repository) const {
  return format("arn:aws:ecr:{}:{}:repository/{}", region_, account_, repository);
}

Outcome<Done> AccessControl::check(const Principal& principal, std::string_view action,
                                   const std::string& repository) const {
  const auto resource = repository_arn(repository);
  const auto settings = settings_.get();
  const auto denies = [&](const std::shared_ptr<const AccessPolicy>& policy) {
    return policy && decide(*policy, principal, action, resource) == Decision::denied;
  };
  const bool whole_scope =
      is_of_first_scope(action) || account_setting(*settings, "REGISTRY_POLICY_SCOPE") == "V2";
  const auto found = repositories_.find(repository);
  if (!(whole_scope && denies(settings->policy)) && !(found && denies(found->policy))) return Done{};
  return Failure{
      FailureKind::denied,
      format("User: {} is not authorized to perform: {} on resource: {} with an explicit deny in a "
             "resource-based policy",
             principal.arn, action, resource)};
}

Outcome<Done> AccessControl::check(const Principal& principal, const http::Request& head) const {
  const auto route = Route::parse(head.path);
  const auto action = action_of(route, head.method);
  if (action.empty()) return Done{};
  return check(principal, action, route.repository);
}

bool AccessControl::may_read(const Principal& principal, const std::string& repository) const {
  return static_cast<bool>(check(principal, read_action, repository));
}

void AccessControl::narrow_mount(const Principal& principal, http::Request& request) const {
  const auto* mount = request.parameter("mount");
  if (mount == nullptr) return;
  const auto digest = oci::Digest::parse(*mount);
  if (!digest) return;  // is refused later on
  const auto* from = request.parameter("from");
  std::string source = from != nullptr ? *from : "";
  if (source.empty()) {
    for (const auto& name : repositories_.names()) {
      if (!repositories_.has_blob(name, *digest) || !may_read(principal, name)) continue;
      source = name;
      break;
    }
  }
  const bool mounts = account_setting(*settings_.get(), "BLOB_MOUNTING") == "ENABLED";
  const bool allowed = mounts && !source.empty() && may_read(principal, source);
  std::erase_if(request.query, [&](const http::QueryParameter& parameter) {
    return parameter.name == "from" || (parameter.name == "mount" && !allowed);
  });
  if (allowed) request.query.push_back({"from", source});
}

bool AccessControl::records_pulls_of(const Principal& principal) const {
  return !settings_.get()->pull_time_exclusions.contains(principal.arn);
}

}  // namespace gantry::registry
