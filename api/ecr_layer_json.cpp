#include "api/ecr_layer_model.h"
#include "api/ecr_members.h"

namespace gantry::api::ecr {

template <class Visitor>
void members(Visitor& visit, LayersRequest& value) {
  visit("registryId", value.registry_id);
  visit("repositoryName", value.repository_name);
  visit("layerDigests", value.layer_digests);
}

template <class Visitor>
void members(Visitor& visit, Layer& value) {
  visit("layerDigest", value.layer_digest);
  visit("layerAvailability", value.layer_availability);
  visit("layerSize", value.layer_size);
  visit("mediaType", value.media_type);
}

template <class Visitor>
void members(Visitor& visit, LayerFailure& value) {
  visit("layerDigest", value.layer_digest);
  visit("failureCode", value.failure_code);
  visit("failureReason", value.failure_reason);
}

template <class Visitor>
void members(Visitor& visit, LayersResponse& value) {
  visit.always("layers", value.layers);
  visit.always("failures", value.failures);
}

template <class Visitor>
void members(Visitor& visit, InitiateLayerUploadResponse& value) {
  visit("uploadId", value.upload_id);
  visit("partSize", value.part_size);
}

template <class Visitor>
void members(Visitor& visit, UploadLayerPartRequest& value) {
  visit("registryId", value.registry_id);
  visit("repositoryName", value.repository_name);
  visit("uploadId", value.upload_id);
  visit("partFirstByte", value.part_first_byte);
  visit("partLastByte", value.part_last_byte);
  visit("layerPartBlob", value.layer_part_blob);
}

template <class Visitor>
void members(Visitor& visit, UploadLayerPartResponse& value) {
  visit("registryId", value.registry_id);
  visit("repositoryName", value.repository_name);
  visit("uploadId", value.upload_id);
  visit("lastByteReceived", value.last_byte_received);
}

template <class Visitor>
void members(Visitor& visit, CompleteLayerUploadRequest& value) {
  visit("registryId", value.registry_id);
  visit("repositoryName", value.repository_name);
  visit("uploadId", value.upload_id);
  visit("layerDigests", value.layer_digests);
}

template <class Visitor>
void members(Visitor& visit, CompleteLayerUploadResponse& value) {
  visit("registryId", value.registry_id);
  visit("repositoryName", value.repository_name);
  visit("uploadId", value.upload_id);
  visit("layerDigest", value.layer_digest);
}

template <class Visitor>
void members(Visitor& visit, DownloadUrlRequest& value) {
  visit("registryId", value.registry_id);
  visit("repositoryName", value.repository_name);
  visit("layerDigest", value.layer_digest);
}

template <class Visitor>
void members(Visitor& visit, DownloadUrlResponse& value) {
  visit("downloadUrl", value.download_url);
  visit("layerDigest", value.layer_digest);
}

template Result<LayersRequest> parse_request(std::string_view);
template Result<UploadLayerPartRequest> parse_request(std::string_view);
template Result<CompleteLayerUploadRequest> parse_request(std::string_view);
template Result<DownloadUrlRequest> parse_request(std::string_view);

template std::string to_json_text(const LayersResponse&);
template std::string to_json_text(const InitiateLayerUploadResponse&);
template std::string to_json_text(const UploadLayerPartResponse&);
template std::string to_json_text(const CompleteLayerUploadResponse&);
template std::string to_json_text(const DownloadUrlResponse&);

}  // namespace gantry::api::ecr
