#pragma once

#include "oci/digest.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace gantry::oci {

// Media types of images, OCI's and docker's. Source: image-spec media-types.md; distribution's manifest-v2-2.
namespace media_type {
inline constexpr std::string_view oci_index = "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view oci_manifest = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view oci_config = "application/vnd.oci.image.config.v1+json";
inline constexpr std::string_view oci_empty = "application/vnd.oci.empty.v1+json";
inline constexpr std::string_view oci_layer = "application/vnd.oci.image.layer.v1.tar";
inline constexpr std::string_view oci_layer_gzip = "application/vnd.oci.image.layer.v1.tar+gzip";
inline constexpr std::string_view oci_layer_zstd = "application/vnd.oci.image.layer.v1.tar+zstd";
inline constexpr std::string_view docker_index = "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr std::string_view docker_manifest = "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr std::string_view docker_config = "application/vnd.docker.container.image.v1+json";
inline constexpr std::string_view docker_layer = "application/vnd.docker.image.rootfs.diff.tar";
inline constexpr std::string_view docker_layer_gzip = "application/vnd.docker.image.rootfs.diff.tar.gzip";
}  // namespace media_type

bool is_index_type(std::string_view media_type);
bool is_manifest_type(std::string_view media_type);

// Source: image-spec image-index.md "platform".
struct Platform {
  std::string architecture;
  std::string os;
  std::string os_version;
  std::vector<std::string> os_features;
  std::string variant;

  std::string string() const;
  static Platform host();  // of this machine: linux/amd64, linux/arm64/v8, …

  bool operator==(const Platform&) const = default;
};

Result<Platform> parse_platform(std::string_view text);  // "linux/arm64/v8"

// What content with `offered` runs on a machine that is `wanted`: same os and architecture, and a variant
// that the machine has: amd64 v1 to v3 and arm64 v8 are everyone's, arm v7 takes v6 and v5 too.
bool platform_matches(const Platform& offered, const Platform& wanted);

// Source: image-spec descriptor.md. `size` is never negative.
struct Descriptor {
  std::string media_type;
  Digest digest;
  int64_t size = 0;
  std::vector<std::string> urls;
  std::map<std::string, std::string> annotations;
  std::string data;  // base64, as in the document
  std::string artifact_type;
  std::optional<Platform> platform;
};

enum class LayerCompression { none, gzip, zstd };
// Errors: unsupported for foreign, non-distributable and unknown layers, naming the type and the URLs.
Result<LayerCompression> layer_compression(const Descriptor& layer);

}  // namespace gantry::oci
