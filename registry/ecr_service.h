#pragma once

#include "api/ecr_model.h"
#include "api/ecr_registry_model.h"
#include "api/ecr_request_rules.h"
#include "http/aws_json.h"
#include "registry/access_control.h"
#include "registry/ecr_uploads.h"
#include "registry/image_service.h"
#include "registry/lifecycle_runner.h"
#include "registry/pull_times.h"
#include "registry/registry_settings.h"
#include "registry/repository_store.h"
#include "registry/tokens.h"
#include "registry/uploads.h"

#include <string>

namespace gantry::registry {

struct EcrOptions {
  std::string region = "us-east-1";
  std::string account = "123456789012";
  bool secure = false;  // proxyEndpoint is https
};

// What ECR's operations work on.
struct EcrParts {
  RepositoryStore& repositories;
  images::ContentStore& content;
  ImageService& images;
  Uploads& uploads;
  PullTimes& pulls;
  LifecycleRunner& lifecycle;
  SettingsStore& settings;
  const AccessControl& access;
  const TokenAuthority& tokens;
  const http::CredentialStore& credentials;
  const Clock& clock;
};

// ECR's API over the same repositories: each of the model's operations. Threads share it.
class EcrService {
 public:
  // All parts must outlive it.
  EcrService(const EcrParts& parts, EcrOptions options) : parts_(parts), options_(std::move(options)) {}

  void add_operations(http::AwsJsonDispatcher& dispatcher);

 private:
  using Reply = http::AwsResult<std::string>;
  using Call = http::AwsCall;
  struct Row {
    std::string_view name;
    Reply (EcrService::*operation)(const Call&);
  };
  static std::span<const Row> rows();
  // The model's rules and the policies before the operation itself.
  Reply answer(const Row& row, const Call& call);
  http::AwsResult<void> authorize(const Call& call) const;

  // ecr_repositories.cpp
  Reply get_authorization_token(const Call& call);
  Reply create_repository(const Call& call);
  Reply describe_repositories(const Call& call);
  Reply delete_repository(const Call& call);
  Reply put_image_tag_mutability(const Call& call);
  Reply tag_resource(const Call& call);
  Reply untag_resource(const Call& call);
  Reply list_tags_for_resource(const Call& call);

  // ecr_images.cpp
  Reply list_images(const Call& call);
  Reply describe_images(const Call& call);
  Reply batch_get_image(const Call& call);
  Reply batch_delete_image(const Call& call);
  Reply put_image(const Call& call);
  Reply list_image_referrers(const Call& call);
  Reply update_image_storage_class(const Call& call);

  // ecr_layers.cpp
  Reply batch_check_layer_availability(const Call& call);
  Reply initiate_layer_upload(const Call& call);
  Reply upload_layer_part(const Call& call);
  Reply complete_layer_upload(const Call& call);
  Reply get_download_url_for_layer(const Call& call);
  http::AwsResult<std::shared_ptr<Uploads::Session>> take_upload(const std::string& repository,
                                                                 const std::string& id);

  // ecr_policies.cpp
  Reply set_repository_policy(const Call& call);
  Reply get_repository_policy(const Call& call);
  Reply delete_repository_policy(const Call& call);
  Reply put_registry_policy(const Call& call);
  Reply get_registry_policy(const Call& call);
  Reply delete_registry_policy(const Call& call);
  Reply put_lifecycle_policy(const Call& call);
  Reply get_lifecycle_policy(const Call& call);
  Reply delete_lifecycle_policy(const Call& call);
  Reply start_lifecycle_policy_preview(const Call& call);
  Reply get_lifecycle_policy_preview(const Call& call);

  // ecr_templates.cpp
  Reply create_repository_creation_template(const Call& call);
  Reply update_repository_creation_template(const Call& call);
  Reply delete_repository_creation_template(const Call& call);
  Reply describe_repository_creation_templates(const Call& call);

  // ecr_registry.cpp
  Reply describe_registry(const Call& call);
  Reply put_replication_configuration(const Call& call);
  Reply describe_image_replication_status(const Call& call);
  Reply put_account_setting(const Call& call);
  Reply get_account_setting(const Call& call);
  Reply register_pull_time_update_exclusion(const Call& call);
  Reply deregister_pull_time_update_exclusion(const Call& call);
  Reply list_pull_time_update_exclusions(const Call& call);
  Reply put_signing_configuration(const Call& call);
  Reply get_signing_configuration(const Call& call);
  Reply delete_signing_configuration(const Call& call);
  Reply describe_image_signing_status(const Call& call);
  Reply create_pull_through_cache_rule(const Call& call);
  Reply refuse_pull_through_cache_rule(const Call& call);
  Reply describe_pull_through_cache_rules(const Call& call);

  // ecr_scanning.cpp
  Reply put_image_scanning_configuration(const Call& call);
  Reply put_registry_scanning_configuration(const Call& call);
  Reply get_registry_scanning_configuration(const Call& call);
  Reply batch_get_repository_scanning_configuration(const Call& call);
  Reply start_image_scan(const Call& call);
  Reply describe_image_scan_findings(const Call& call);

  http::AwsResult<ManifestRecord> find_image(const std::string& repository,
                                             const api::ecr::ImageIdentifier& id) const;
  http::AwsResult<std::vector<api::ecr::ImageDetail>> details(const api::ecr::ImagesRequest& request) const;
  api::ecr::ImageDetail detail(const std::string& repository, const TaggedImage& image) const;
  std::optional<api::ecr::ImageFailure> check_id(const std::string& repository,
                                                 const api::ecr::ImageIdentifier& id) const;
  http::AwsResult<void> remove_image(const std::string& repository, const api::ecr::ImageIdentifier& id,
                                     const std::string& host, api::ecr::BatchDeleteImageResponse& response);

  // The repository and the image that an operation on one image names.
  struct FoundImage {
    Repository repository;
    ManifestRecord record;
    api::ecr::ImageIdentifier id;  // with its digest
    std::string target_storage_class;
  };
  http::AwsResult<FoundImage> find_image(const Call& call) const;
  http::AwsResult<Repository> find(const std::string& registry_id, const std::string& name) const;
  http::AwsResult<Repository> find_by_arn(const std::string& arn) const;
  http::AwsResult<void> check_registry(const std::string& registry_id) const;
  // Changes a repository's settings while nothing else does; returns it as it was before.
  http::AwsResult<Repository> change(const std::string& registry_id, const std::string& name,
                                     const std::function<http::AwsResult<void>(Repository&)>& change);
  api::ecr::Repository describe(const Repository& repository, const std::string& host) const;
  http::AwsError repository_not_found(const std::string& name) const;
  http::AwsError image_not_found(const std::string& repository, const api::ecr::ImageIdentifier& id) const;
  http::AwsError from_failure(const Failure& failure, const std::string& repository) const;
  // "WHAT does not exist for the repository with name 'N' in the registry with id 'A'".
  http::AwsError missing_in(const std::string& name, std::string_view what,
                            const std::string& repository) const;

  EcrParts parts_;
  EcrOptions options_;
  EcrUploads layer_uploads_;
};

// A request's body, or SerializationException.
template <class T>
http::AwsResult<T> parse(const http::AwsCall& call) {
  auto request = api::ecr::parse_request<T>(call.body);
  if (!request) return http::serialization_error(request.error());
  return std::move(request).value();
}

inline http::AwsError invalid_parameter(std::string message) {
  return {"InvalidParameterException", std::move(message), 400};
}
inline http::AwsError validation_error(std::string message) {
  return {"ValidationException", std::move(message), 400};
}

// What a request asks for a new repository, or for a template of such, in their common terms. Errors are
// those of CreateRepository.
http::AwsResult<void> set_mutability(api::ecr::TagMutability mutability,
                                     const std::vector<api::ecr::ExclusionFilter>& filters,
                                     Repository& repository);
http::AwsResult<void> add_tags(const std::vector<api::ecr::Tag>& tags, Repository& repository);
http::AwsResult<void> check_encryption(const std::optional<api::ecr::EncryptionConfiguration>& encryption);
http::AwsResult<std::shared_ptr<const AccessPolicy>> read_access_policy(const std::string& text,
                                                                        PolicyOf kind);
http::AwsResult<std::shared_ptr<const LifecyclePolicy>> read_lifecycle_policy(const std::string& text);
// A repository as a template makes it. Errors: InvalidParameterException and such.
http::AwsResult<Repository> repository_of(const api::ecr::CreationTemplate& creation_template);

// Takes a page of `items` by the index that `next_token` holds; changes `next_token` to that of the next
// page.
template <class T>
http::AwsResult<std::vector<T>> take_page(std::vector<T> items, const std::optional<int64_t>& max_results,
                                          std::string& next_token, size_t standard_size = 100);
// The index in a token and back. Errors: InvalidParameterException.
http::AwsResult<size_t> read_page_token(const std::string& token, size_t size);
std::string page_token(size_t index);

template <class T>
http::AwsResult<std::vector<T>> take_page(std::vector<T> items, const std::optional<int64_t>& max_results,
                                          std::string& next_token, size_t standard_size) {
  const auto first = TRY(read_page_token(next_token, items.size()));
  const auto most = max_results ? static_cast<size_t>(*max_results) : standard_size;
  const auto last = std::min(items.size(), first + most);
  next_token = last < items.size() ? page_token(last) : "";
  return std::vector<T>(std::make_move_iterator(items.begin() + static_cast<ptrdiff_t>(first)),
                        std::make_move_iterator(items.begin() + static_cast<ptrdiff_t>(last)));
}

}  // namespace gantry::registry
