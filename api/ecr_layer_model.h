#pragma once

#include "api/ecr_model.h"

// Layers by ECR's API instead of OCI Distribution's.
namespace gantry::api::ecr {

struct LayersRequest {  // BatchCheckLayerAvailability
  std::string registry_id;
  std::string repository_name;
  std::vector<std::string> layer_digests;
};
struct Layer {
  std::string layer_digest;
  std::string layer_availability;     // "AVAILABLE", "UNAVAILABLE"
  std::optional<int64_t> layer_size;  // bytes, as stored
  std::string media_type;             // as an image of the repository names it
};
struct LayerFailure {
  std::string layer_digest;
  std::string failure_code;  // "InvalidLayerDigest", "MissingLayerDigest"
  std::string failure_reason;
};
struct LayersResponse {
  std::vector<Layer> layers;
  std::vector<LayerFailure> failures;
};

struct InitiateLayerUploadResponse {
  std::string upload_id;
  int64_t part_size = 0;  // bytes that a part should have
};

struct UploadLayerPartRequest {
  std::string registry_id;
  std::string repository_name;
  std::string upload_id;
  uint64_t part_first_byte = 0;
  uint64_t part_last_byte = 0;
  std::string layer_part_blob;  // base64
};
struct UploadLayerPartResponse {
  std::string registry_id;
  std::string repository_name;
  std::string upload_id;
  uint64_t last_byte_received = 0;
};

struct CompleteLayerUploadRequest {
  std::string registry_id;
  std::string repository_name;
  std::string upload_id;
  std::vector<std::string> layer_digests;
};
struct CompleteLayerUploadResponse {
  std::string registry_id;
  std::string repository_name;
  std::string upload_id;
  std::string layer_digest;
};

struct DownloadUrlRequest {
  std::string registry_id;
  std::string repository_name;
  std::string layer_digest;
};
struct DownloadUrlResponse {
  std::string download_url;
  std::string layer_digest;
};

}  // namespace gantry::api::ecr
