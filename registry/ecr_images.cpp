#include "oci/manifest.h"
#include "oci/reference.h"
#include "registry/ecr_service.h"

#include <algorithm>

namespace gantry::registry {
namespace {

namespace ecr = api::ecr;

constexpr size_t most_images = 100;

bool is_wanted(const std::vector<std::string>& tags, ecr::TagStatus status) {
  switch (status) {
    case ecr::TagStatus::any:
      return true;
    case ecr::TagStatus::tagged:
      return !tags.empty();
    case ecr::TagStatus::untagged:
      return tags.empty();
  }
  return true;
}

using TagsByDigest = std::map<std::string, std::vector<std::string>>;

TagsByDigest group(const std::map<std::string, oci::Digest>& tags) {
  TagsByDigest grouped;
  for (const auto& [tag, digest] : tags) grouped[digest.string()].push_back(tag);
  return grouped;
}

std::string failure_reason(ecr::FailureCode code) {
  switch (code) {
    case ecr::FailureCode::invalid_image_digest:
      return "Invalid request parameters: image digest should satisfy the regex "
             "'[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'";
    case ecr::FailureCode::invalid_image_tag:
      return "Invalid request parameters: image tag is not valid";
    case ecr::FailureCode::image_tag_does_not_match_digest:
      return "The image digest does not match the tag";
    case ecr::FailureCode::image_not_found:
      return "Requested image not found";
    case ecr::FailureCode::missing_digest_and_tag:
      return "Invalid request parameters: both tag and digest cannot be null";
    case ecr::FailureCode::image_referenced_by_manifest_list:
      return "Requested image referenced by manifest list";
  }
  return {};
}

ecr::ImageFailure failed(const ecr::ImageIdentifier& id, ecr::FailureCode code) {
  return {id, code, failure_reason(code)};
}

http::AwsResult<void> check_count(const std::vector<ecr::ImageIdentifier>& ids) {
  if (!ids.empty() && ids.size() <= most_images) return {};
  return invalid_parameter(format("Invalid parameter at 'imageIds': must have 1 to {} members, found {}",
                                  most_images, ids.size()));
}

std::string reference_of(const ecr::ImageIdentifier& id) {
  return id.image_digest.empty() ? id.image_tag : id.image_digest;
}

}  // namespace

ecr::ImageDetail EcrService::detail(const std::string& repository, const ManifestRecord& record,
                                    std::vector<std::string> tags) const {
  return {options_.account,  repository,       record.digest,     std::move(tags),
          record.image_size, record.pushed_at, record.media_type, record.artifact_type};
}

// Images in the order of their digests, or as the request names them.
http::AwsResult<std::vector<ecr::ImageDetail>> EcrService::details(const ecr::ImagesRequest& request) const {
  const auto repository = TRY(find(request.registry_id, request.repository_name));
  const auto tags = repositories_.tags(repository.name);
  if (!tags) return from_failure(tags.error(), repository.name);
  const auto grouped = group(*tags);
  const auto tags_of = [&](const std::string& digest) {
    const auto found = grouped.find(digest);
    return found == grouped.end() ? std::vector<std::string>{} : found->second;
  };
  std::vector<ecr::ImageDetail> all;
  for (const auto& id : request.image_ids) {
    const auto record = TRY(find_image(repository.name, id));
    all.push_back(detail(repository.name, record, tags_of(record.digest)));
  }
  if (!request.image_ids.empty()) return all;
  const auto records = repositories_.manifests(repository.name);
  if (!records) return from_failure(records.error(), repository.name);
  for (const auto& record : *records) {
    auto own_tags = tags_of(record.digest);
    if (is_wanted(own_tags, request.tag_status))
      all.push_back(detail(repository.name, record, std::move(own_tags)));
  }
  return all;
}

http::AwsResult<ManifestRecord> EcrService::find_image(const std::string& repository,
                                                       const ecr::ImageIdentifier& id) const {
  auto record = images_.resolve(repository, reference_of(id));
  if (!record && record.error().kind == FailureKind::manifest_unknown) return image_not_found(repository, id);
  if (!record) return from_failure(record.error(), repository);
  if (id.image_digest.empty() || id.image_tag.empty()) return std::move(*record);
  const auto tagged = images_.resolve(repository, id.image_tag);
  if (!tagged || tagged->digest != record->digest) return image_not_found(repository, id);
  return std::move(*record);
}

EcrService::Reply EcrService::list_images(const http::AwsCall& call) {
  const auto request = TRY(parse<ecr::ImagesRequest>(call));
  if (!request.image_ids.empty()) return invalid_parameter("ListImages has no parameter 'imageIds'");
  std::vector<ecr::ImageIdentifier> ids;
  for (const auto& image : TRY(details(request))) {
    if (image.image_tags.empty()) ids.push_back({image.image_digest, {}});
    for (const auto& tag : image.image_tags) ids.push_back({image.image_digest, tag});
  }
  ecr::ListImagesResponse response;
  response.next_token = request.next_token;
  response.image_ids = TRY(take_page(std::move(ids), request.max_results, response.next_token));
  return ecr::to_json_text(response);
}

EcrService::Reply EcrService::describe_images(const http::AwsCall& call) {
  const auto request = TRY(parse<ecr::ImagesRequest>(call));
  ecr::DescribeImagesResponse response;
  response.next_token = request.next_token;
  auto all = TRY(details(request));
  response.image_details = TRY(take_page(std::move(all), request.max_results, response.next_token));
  return ecr::to_json_text(response);
}

std::optional<ecr::ImageFailure> EcrService::check_id(const std::string& repository,
                                                      const ecr::ImageIdentifier& id) const {
  if (id.image_digest.empty() && id.image_tag.empty())
    return failed(id, ecr::FailureCode::missing_digest_and_tag);
  if (!id.image_digest.empty() && !oci::Digest::parse(id.image_digest)) {
    return failed(id, ecr::FailureCode::invalid_image_digest);
  }
  if (!id.image_tag.empty() && !oci::is_valid_tag(id.image_tag)) {
    return failed(id, ecr::FailureCode::invalid_image_tag);
  }
  if (!images_.resolve(repository, reference_of(id))) return failed(id, ecr::FailureCode::image_not_found);
  if (!id.image_digest.empty() && !id.image_tag.empty()) {
    const auto tagged = images_.resolve(repository, id.image_tag);
    if (!tagged || tagged->digest != id.image_digest) {
      return failed(id, ecr::FailureCode::image_tag_does_not_match_digest);
    }
  }
  return std::nullopt;
}

EcrService::Reply EcrService::batch_get_image(const http::AwsCall& call) {
  const auto request = TRY(parse<ecr::BatchImagesRequest>(call));
  const auto repository = TRY(find(request.registry_id, request.repository_name));
  TRY(check_count(request.image_ids));
  ecr::BatchGetImageResponse response;
  for (const auto& id : request.image_ids) {
    if (auto failure = check_id(repository.name, id)) {
      response.failures.push_back(std::move(*failure));
      continue;
    }
    const auto record = TRY(find_image(repository.name, id));
    auto text = images_.text(record);
    if (!text) return from_failure(text.error(), repository.name);
    response.images.push_back({options_.account,
                               repository.name,
                               {record.digest, id.image_tag},
                               std::move(*text),
                               record.media_type});
  }
  return ecr::to_json_text(response);
}

// By digest: the image with all its tags. By tag: the tag, and the image when it was its last.
http::AwsResult<void> EcrService::remove_image(const std::string& repository, const ecr::ImageIdentifier& id,
                                               const std::string& host,
                                               ecr::BatchDeleteImageResponse& response) {
  const auto record = TRY(find_image(repository, id));
  const auto digest = TRY(oci::Digest::parse(record.digest));
  const auto tags = repositories_.tags(repository);
  if (!tags) return from_failure(tags.error(), repository);
  const auto own_tags = group(*tags)[record.digest];
  const bool whole = id.image_tag.empty() || own_tags.size() <= 1;
  const auto referenced = images_.is_referenced(repository, digest);
  if (!referenced) return from_failure(referenced.error(), repository);
  if (whole && *referenced && id.image_tag.empty()) {
    response.failures.push_back(failed(id, ecr::FailureCode::image_referenced_by_manifest_list));
    return {};
  }
  const auto removed = whole && !*referenced ? images_.remove_manifest(repository, digest, host)
                                             : images_.remove_tag(repository, id.image_tag, host);
  if (!removed) return from_failure(removed.error(), repository);
  if (!id.image_tag.empty()) {
    response.image_ids.push_back({record.digest, id.image_tag});
    return {};
  }
  if (own_tags.empty()) response.image_ids.push_back({record.digest, {}});
  for (const auto& tag : own_tags) response.image_ids.push_back({record.digest, tag});
  return {};
}

EcrService::Reply EcrService::batch_delete_image(const http::AwsCall& call) {
  const auto request = TRY(parse<ecr::BatchImagesRequest>(call));
  const auto repository = TRY(find(request.registry_id, request.repository_name));
  TRY(check_count(request.image_ids));
  ecr::BatchDeleteImageResponse response;
  for (const auto& id : request.image_ids) {
    if (auto failure = check_id(repository.name, id)) {
      response.failures.push_back(std::move(*failure));
    } else {
      TRY(remove_image(repository.name, id, call.host, response));
    }
  }
  return ecr::to_json_text(response);
}

EcrService::Reply EcrService::put_image(const http::AwsCall& call) {
  const auto request = TRY(parse<ecr::PutImageRequest>(call));
  const auto repository = TRY(find(request.registry_id, request.repository_name));
  ManifestPush push;
  push.repository = repository.name;
  push.host = call.host;
  push.text = request.image_manifest;
  push.media_type = request.image_manifest_media_type;
  push.refuse_same = true;
  if (!request.image_tag.empty()) push.tags.push_back(request.image_tag);
  if (!request.image_digest.empty()) {
    const auto digest = oci::Digest::parse(request.image_digest);
    if (!digest)
      return invalid_parameter(format("Invalid parameter at 'imageDigest': {}", digest.error().message()));
    push.digest = *digest;
  }
  const auto pushed = images_.push(push);
  if (!pushed && pushed.error().kind == FailureKind::image_exists) {
    const auto existing = images_.resolve(repository.name, request.image_tag);
    return http::AwsError{
        "ImageAlreadyExistsException",
        format("Image with digest '{}' and tag '{}' already exists in the repository with name '{}' in "
               "registry with "
               "id '{}'",
               existing ? existing->digest : "", request.image_tag, repository.name, options_.account),
        400};
  }
  if (!pushed) return from_failure(pushed.error(), repository.name);
  const auto record = TRY(find_image(repository.name, {pushed->digest.string(), {}}));
  return ecr::to_json_text(ecr::PutImageResponse{{options_.account,
                                                  repository.name,
                                                  {record.digest, request.image_tag},
                                                  request.image_manifest,
                                                  record.media_type}});
}

}  // namespace gantry::registry
