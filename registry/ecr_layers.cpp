// Layers by ECR's API. An upload here and one of OCI Distribution are the same thing.

#include "api/ecr_layer_model.h"
#include "base/text.h"
#include "http/sigv4.h"
#include "oci/manifest.h"
#include "registry/ecr_service.h"

namespace gantry::registry {
namespace {

namespace ecr = api::ecr;

constexpr size_t least_part = size_t{5} << 20;  // bytes, of all parts but the last
constexpr int64_t wanted_part = int64_t{10} << 20;
constexpr auto url_lifetime = std::chrono::hours(1);

http::AwsError upload_not_found(const std::string& id, const std::string& repository) {
  return {"UploadNotFoundException",
          format("The layer upload '{}' could not be found in the repository with name '{}'", id, repository),
          400};
}

http::AwsError layer_not_found(const std::string& digest, const std::string& repository) {
  return {"LayersNotFoundException",
          format("The layer with digest '{}' does not exist in the repository with name '{}'", digest,
                 repository),
          400};
}

}  // namespace

EcrService::Reply EcrService::batch_check_layer_availability(const Call& call) {
  const auto request = TRY(parse<ecr::LayersRequest>(call));
  const auto repository = TRY(find(request.registry_id, request.repository_name));
  ecr::LayersResponse response;
  for (const auto& text : request.layer_digests) {
    const auto digest = oci::Digest::parse(text);
    if (!digest) {
      response.failures.push_back(
          text.empty() ? ecr::LayerFailure{text, "MissingLayerDigest", "Layer digest is missing"}
                       : ecr::LayerFailure{text, "InvalidLayerDigest", digest.error().message()});
      continue;
    }
    const auto info = parts_.content.info(*digest);
    const bool there = info && parts_.repositories.has_blob(repository.name, *digest);
    ecr::Layer layer{text, there ? "AVAILABLE" : "UNAVAILABLE", {}, {}};
    if (there) {
      parts_.repositories.touch_blob(repository.name, *digest);  // the caller is about to name it in an image
      layer.layer_size = static_cast<int64_t>(info->size);
    }
    response.layers.push_back(std::move(layer));
  }
  return ecr::to_json_text(response);
}

EcrService::Reply EcrService::initiate_layer_upload(const Call& call) {
  const auto request = TRY(parse<ecr::RepositoryRequest>(call));
  const auto repository = TRY(find(request.registry_id, request.repository_name));
  const auto session = parts_.uploads.begin(repository.name, oci::DigestAlgorithm::sha256);
  if (!session) return from_failure(session.error(), repository.name);
  return ecr::to_json_text(ecr::InitiateLayerUploadResponse{(*session)->id(), wanted_part});
}

http::AwsResult<std::shared_ptr<Uploads::Session>> EcrService::take_upload(const std::string& repository,
                                                                           const std::string& id) {
  auto session = parts_.uploads.take(repository, id);
  if (session) return std::move(*session);
  if (session.error().kind == FailureKind::upload_unknown) return upload_not_found(id, repository);
  return from_failure(session.error(), repository);
}

EcrService::Reply EcrService::upload_layer_part(const Call& call) {
  const auto request = TRY(parse<ecr::UploadLayerPartRequest>(call));
  const auto repository = TRY(find(request.registry_id, request.repository_name));
  const auto part = base64_decode(request.layer_part_blob);
  if (!part) return ecr::constraint_error("layerPartBlob", part.error().message());
  const auto session = TRY(take_upload(repository.name, request.upload_id));
  const auto first = request.part_first_byte;
  if (first != session->size() || request.part_last_byte + 1 - first != part->size() || part->empty()) {
    return http::AwsError{"InvalidLayerPartException",
                          format("The layer part from byte {} to byte {} with {} bytes of content is not "
                                 "valid: the next byte that "
                                 "is expected is {}",
                                 first, request.part_last_byte, part->size(), session->size()),
                          400};
  }
  TRY(session->write(*part));
  layer_uploads_.add_part(request.upload_id, part->size(), least_part);
  return ecr::to_json_text(ecr::UploadLayerPartResponse{options_.account, repository.name, request.upload_id,
                                                        session->size() - 1});
}

EcrService::Reply EcrService::complete_layer_upload(const Call& call) {
  const auto request = TRY(parse<ecr::CompleteLayerUploadRequest>(call));
  const auto repository = TRY(find(request.registry_id, request.repository_name));
  if (request.layer_digests.size() != 1) {
    return ecr::constraint_error("layerDigests", "must have exactly one digest");
  }
  const auto& text = request.layer_digests.front();
  const auto digest = oci::Digest::parse(text);
  if (!digest) return ecr::constraint_error("layerDigests", digest.error().message());
  const auto session = TRY(take_upload(repository.name, request.upload_id));
  if (session->size() == 0) {
    return http::AwsError{"EmptyUploadException",
                          "The specified layer upload does not contain any layer parts.", 400};
  }
  if (layer_uploads_.had_small_part(request.upload_id)) {
    return http::AwsError{"LayerPartTooSmallException",
                          format("Layer parts must be at least {} bytes in size, but the last.", least_part),
                          400};
  }
  if (parts_.repositories.has_blob(repository.name, *digest) && parts_.content.exists(*digest)) {
    return http::AwsError{
        "LayerAlreadyExistsException",
        format(
            "The layer with digest '{}' already exists in the repository with name '{}' in registry with id "
            "'{}'",
            text, repository.name, options_.account),
        400};
  }
  const auto committed = session->commit(*digest);
  layer_uploads_.forget(request.upload_id);
  if (!committed && committed.error().kind == FailureKind::digest_invalid) {
    return http::AwsError{"InvalidLayerException", committed.error().message, 400};
  }
  if (!committed) return from_failure(committed.error(), repository.name);
  return ecr::to_json_text(
      ecr::CompleteLayerUploadResponse{options_.account, repository.name, request.upload_id, text});
}

// A URL of this registry, signed with the caller's key, so that whoever has it needs no credentials of their
// own.
EcrService::Reply EcrService::get_download_url_for_layer(const Call& call) {
  const auto request = TRY(parse<ecr::DownloadUrlRequest>(call));
  const auto repository = TRY(find(request.registry_id, request.repository_name));
  const auto digest = oci::Digest::parse(request.layer_digest);
  if (!digest) return ecr::constraint_error("layerDigest", digest.error().message());
  if (!parts_.repositories.has_blob(repository.name, *digest) || !parts_.content.exists(*digest)) {
    return layer_not_found(request.layer_digest, repository.name);
  }
  const auto key = parts_.credentials.find(call.identity.access_key_id);
  if (!key) return http::AwsError{"UnrecognizedClientException", "The caller's key is gone.", 400};
  const auto url = format("{}://{}/v2/{}/blobs/{}", options_.secure ? "https" : "http", call.host,
                          repository.name, digest->string());
  const auto signed_url = TRY(http::presign("GET", url, *key, options_.region, api::ecr::signing_name,
                                            parts_.clock.now(), url_lifetime));
  return ecr::to_json_text(ecr::DownloadUrlResponse{signed_url, request.layer_digest});
}

}  // namespace gantry::registry
