#include "oci/manifest.h"
#include "oci/reference.h"
#include "registry/ecr_service.h"
#include "registry/referrer_json.h"

#include <algorithm>

namespace gantry::registry {
namespace {

namespace ecr = api::ecr;

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

std::optional<double> given(double time) {
  return time > 0 ? std::optional(time) : std::nullopt;
}

bool has_status(bool archived, ecr::ImageStatus wanted) {
  switch (wanted) {
    case ecr::ImageStatus::any:
      return true;
    case ecr::ImageStatus::active:
      return !archived;
    case ecr::ImageStatus::archived:
      return archived;
    case ecr::ImageStatus::activating:  // restoring takes no time here
      return false;
  }
  return true;
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
    case ecr::FailureCode::image_inaccessible:
      return "Requested image is archived";
  }
  return {};
}

ecr::ImageFailure failed(const ecr::ImageIdentifier& id, ecr::FailureCode code) {
  return {id, code, failure_reason(code)};
}

std::string reference_of(const ecr::ImageIdentifier& id) {
  return id.image_digest.empty() ? id.image_tag : id.image_digest;
}

}  // namespace

ecr::ImageDetail EcrService::detail(const std::string& repository, const TaggedImage& image) const {
  const auto& record = image.record;
  ecr::ImageDetail detail;
  detail.registry_id = options_.account;
  detail.repository_name = repository;
  detail.image_digest = record.digest;
  detail.image_tags = image.tags;
  detail.image_size_in_bytes = record.image_size;
  detail.image_pushed_at = record.pushed_at;
  detail.image_manifest_media_type = record.media_type;
  detail.artifact_media_type = record.artifact_type;
  detail.last_recorded_pull_time = parts_.pulls.last(repository, record);
  detail.subject_manifest_digest = record.subject;
  detail.image_status = record.archived ? ecr::ImageStatus::archived : ecr::ImageStatus::active;
  detail.last_archived_at = given(record.archived_at);
  detail.last_activated_at = given(record.activated_at);
  return detail;
}

// Images in the order of their digests, or as the request names them.
http::AwsResult<std::vector<ecr::ImageDetail>> EcrService::details(const ecr::ImagesRequest& request) const {
  const auto repository = TRY(find(request.registry_id, request.repository_name));
  const auto images = parts_.images.list(repository.name);
  if (!images) return from_failure(images.error(), repository.name);
  std::vector<ecr::ImageDetail> all;
  for (const auto& id : request.image_ids) {
    const auto record = TRY(find_image(repository.name, id));
    for (const auto& image : *images) {
      if (image.record.digest == record.digest) all.push_back(detail(repository.name, image));
    }
  }
  if (!request.image_ids.empty()) return all;
  for (const auto& image : *images) {
    if (!is_wanted(image.tags, request.tag_status)) continue;
    if (has_status(image.record.archived, request.image_status))
      all.push_back(detail(repository.name, image));
  }
  return all;
}

http::AwsResult<ManifestRecord> EcrService::find_image(const std::string& repository,
                                                       const ecr::ImageIdentifier& id) const {
  auto record = parts_.images.resolve(repository, reference_of(id));
  if (!record && record.error().kind == FailureKind::manifest_unknown) return image_not_found(repository, id);
  if (!record) return from_failure(record.error(), repository);
  if (id.image_digest.empty() || id.image_tag.empty()) return std::move(*record);
  const auto tagged = parts_.images.resolve(repository, id.image_tag);
  if (!tagged || tagged->digest != record->digest) return image_not_found(repository, id);
  return std::move(*record);
}

EcrService::Reply EcrService::list_images(const http::AwsCall& call) {
  const auto request = TRY(parse<ecr::ImagesRequest>(call));
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
  if (!request.image_ids.empty() && (!request.next_token.empty() || request.max_results)) {
    return ecr::constraint_error("imageIds", "must not be given with nextToken or maxResults");
  }
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
  if (!parts_.images.resolve(repository, reference_of(id)))
    return failed(id, ecr::FailureCode::image_not_found);
  if (!id.image_digest.empty() && !id.image_tag.empty()) {
    const auto tagged = parts_.images.resolve(repository, id.image_tag);
    if (!tagged || tagged->digest != id.image_digest) {
      return failed(id, ecr::FailureCode::image_tag_does_not_match_digest);
    }
  }
  return std::nullopt;
}

EcrService::Reply EcrService::batch_get_image(const http::AwsCall& call) {
  const auto request = TRY(parse<ecr::BatchImagesRequest>(call));
  const auto repository = TRY(find(request.registry_id, request.repository_name));
  const auto& accepted = request.accepted_media_types;
  const bool records_pulls =
      parts_.access.records_pulls_of(parts_.access.principal(call.identity.access_key_id));
  ecr::BatchGetImageResponse response;
  for (const auto& id : request.image_ids) {
    if (auto failure = check_id(repository.name, id)) {
      response.failures.push_back(std::move(*failure));
      continue;
    }
    const auto record = TRY(find_image(repository.name, id));
    const bool is_accepted =
        accepted.empty() || std::find(accepted.begin(), accepted.end(), record.media_type) != accepted.end();
    if (record.archived || !is_accepted) {
      response.failures.push_back(failed(
          id, record.archived ? ecr::FailureCode::image_inaccessible : ecr::FailureCode::image_not_found));
      continue;
    }
    auto text = parts_.images.text(record);
    if (!text) return from_failure(text.error(), repository.name);
    if (records_pulls) {
      parts_.pulls.record(repository.name, record.digest, to_epoch_seconds(parts_.clock.now()));
    }
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
  const auto tags = parts_.repositories.tags(repository);
  if (!tags) return from_failure(tags.error(), repository);
  std::vector<std::string> own_tags;
  for (const auto& [tag, tagged] : *tags) {
    if (tagged == digest) own_tags.push_back(tag);
  }
  const bool whole = id.image_tag.empty() || own_tags.size() <= 1;
  const auto referenced = parts_.images.is_referenced(repository, digest);
  if (!referenced) return from_failure(referenced.error(), repository);
  if (whole && *referenced && id.image_tag.empty()) {
    response.failures.push_back(failed(id, ecr::FailureCode::image_referenced_by_manifest_list));
    return {};
  }
  const auto removed = whole && !*referenced ? parts_.images.remove_manifest(repository, digest, host)
                                             : parts_.images.remove_tag(repository, id.image_tag, host);
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
  const auto pushed = parts_.images.push(push);
  if (!pushed && pushed.error().kind == FailureKind::image_exists) {
    const auto existing = parts_.images.resolve(repository.name, request.image_tag);
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

EcrService::Reply EcrService::list_image_referrers(const http::AwsCall& call) {
  const auto request = TRY(parse<ecr::ReferrersRequest>(call));
  const auto repository = TRY(find(request.registry_id, request.repository_name));
  const auto subject = oci::Digest::parse(request.subject_digest);
  if (!subject) return ecr::constraint_error("subjectId.imageDigest", subject.error().message());
  const auto found = parts_.repositories.referrers(repository.name, *subject);
  if (!found) return from_failure(found.error(), repository.name);
  const auto& types = request.artifact_types;
  std::vector<RawJson> wanted;
  for (const auto& descriptor : *found) {
    const auto referrer = parse_referrer(descriptor);
    const auto digest = oci::Digest::parse(referrer.digest);
    const auto record = digest ? parts_.repositories.manifest(repository.name, *digest)
                               : Outcome<ManifestRecord>(digest.error());
    if (!record || !has_status(record->archived, request.artifact_status)) continue;
    if (!types.empty() && std::find(types.begin(), types.end(), referrer.artifact_type) == types.end())
      continue;
    wanted.push_back({with_artifact_status(descriptor, record->archived ? "ARCHIVED" : "ACTIVE")});
  }
  ecr::ReferrersResponse response;
  response.next_token = request.next_token;
  response.referrers = TRY(take_page(std::move(wanted), request.max_results, response.next_token, 20));
  return ecr::to_json_text(response);
}

EcrService::Reply EcrService::update_image_storage_class(const http::AwsCall& call) {
  const auto image = TRY(find_image(call));
  const auto digest = TRY(oci::Digest::parse(image.record.digest));
  const auto record =
      parts_.images.set_archived(image.repository.name, digest, image.target_storage_class == "ARCHIVE");
  if (!record) return from_failure(record.error(), image.repository.name);
  return ecr::to_json_text(ecr::ImageStatusResponse{options_.account, image.repository.name, image.id,
                                                    record->archived ? "ARCHIVED" : "ACTIVE"});
}

}  // namespace gantry::registry
