#pragma once

#include "api/ecr_model.h"
#include "http/aws_json.h"
#include "registry/image_service.h"
#include "registry/repository_store.h"
#include "registry/tokens.h"

#include <string>

namespace gantry::registry {

struct EcrOptions {
  std::string region = "us-east-1";
  std::string account = "123456789012";
  bool secure = false;  // proxyEndpoint is https
};

// ECR's API over the same repositories. Operations that aren't served are refused by name. Threads share it.
class EcrService {
 public:
  // All must outlive it.
  EcrService(RepositoryStore& repositories, ImageService& images, const TokenAuthority& tokens,
             const Clock& clock, EcrOptions options)
      : repositories_(repositories),
        images_(images),
        tokens_(tokens),
        clock_(clock),
        options_(std::move(options)) {}

  void add_operations(http::AwsJsonDispatcher& dispatcher);

 private:
  using Reply = http::AwsResult<std::string>;

  // ecr_repositories.cpp
  Reply get_authorization_token(const http::AwsCall& call);
  Reply create_repository(const http::AwsCall& call);
  Reply describe_repositories(const http::AwsCall& call);
  Reply delete_repository(const http::AwsCall& call);
  Reply put_image_tag_mutability(const http::AwsCall& call);
  Reply describe_registry(const http::AwsCall& call);
  Reply get_lifecycle_policy(const http::AwsCall& call);
  Reply get_repository_policy(const http::AwsCall& call);
  Reply tag_resource(const http::AwsCall& call);
  Reply untag_resource(const http::AwsCall& call);
  Reply list_tags_for_resource(const http::AwsCall& call);

  // ecr_images.cpp
  Reply list_images(const http::AwsCall& call);
  Reply describe_images(const http::AwsCall& call);
  Reply batch_get_image(const http::AwsCall& call);
  Reply batch_delete_image(const http::AwsCall& call);
  Reply put_image(const http::AwsCall& call);
  http::AwsResult<ManifestRecord> find_image(const std::string& repository,
                                             const api::ecr::ImageIdentifier& id) const;
  http::AwsResult<std::vector<api::ecr::ImageDetail>> details(const api::ecr::ImagesRequest& request) const;
  api::ecr::ImageDetail detail(const std::string& repository, const ManifestRecord& record,
                               std::vector<std::string> tags) const;
  std::optional<api::ecr::ImageFailure> check_id(const std::string& repository,
                                                 const api::ecr::ImageIdentifier& id) const;
  http::AwsResult<void> remove_image(const std::string& repository, const api::ecr::ImageIdentifier& id,
                                     const std::string& host, api::ecr::BatchDeleteImageResponse& response);

  http::AwsResult<Repository> find(const std::string& registry_id, const std::string& name) const;
  http::AwsResult<Repository> find_by_arn(const std::string& arn) const;
  http::AwsResult<void> check_registry(const std::string& registry_id) const;
  api::ecr::Repository describe(const Repository& repository, const std::string& host) const;
  http::AwsError repository_not_found(const std::string& name) const;
  http::AwsError image_not_found(const std::string& repository, const api::ecr::ImageIdentifier& id) const;
  http::AwsError from_failure(const Failure& failure, const std::string& repository) const;

  RepositoryStore& repositories_;
  ImageService& images_;
  const TokenAuthority& tokens_;
  const Clock& clock_;
  EcrOptions options_;
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

// Takes a page of `items` by the index that `next_token` holds; changes `next_token` to that of the next
// page.
template <class T>
http::AwsResult<std::vector<T>> take_page(std::vector<T> items, const std::optional<int64_t>& max_results,
                                          std::string& next_token);
// The index in a token and back. Errors: InvalidParameterException.
http::AwsResult<size_t> read_page_token(const std::string& token, size_t size);
http::AwsResult<size_t> page_size(const std::optional<int64_t>& max_results);
std::string page_token(size_t index);

template <class T>
http::AwsResult<std::vector<T>> take_page(std::vector<T> items, const std::optional<int64_t>& max_results,
                                          std::string& next_token) {
  const auto first = TRY(read_page_token(next_token, items.size()));
  const auto most = TRY(page_size(max_results));
  const auto last = std::min(items.size(), first + most);
  next_token = last < items.size() ? page_token(last) : "";
  return std::vector<T>(std::make_move_iterator(items.begin() + static_cast<ptrdiff_t>(first)),
                        std::make_move_iterator(items.begin() + static_cast<ptrdiff_t>(last)));
}

}  // namespace gantry::registry
