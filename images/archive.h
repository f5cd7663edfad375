#pragma once

#include "base/result.h"

#include <string>
#include <string_view>
#include <vector>

// Images as an archive, for this folder only.
namespace gantry::images {

// One of manifest.json of `docker save`: paths in the archive. Source: moby's image/spec v1.2, "Combined
// Image JSON + Filesystem Changeset Format".
struct ArchivedImage {
  std::string config;
  std::vector<std::string> tags;  // "web:v1"
  std::vector<std::string> layers;
};

Result<std::vector<ArchivedImage>> parse_archived_images(std::string_view text, std::string_view source);
std::string to_json_text(const std::vector<ArchivedImage>& images);

// In an index: the reference that a manifest goes by, whole as containerd has it, or a tag or a whole one.
inline constexpr std::string_view image_name_annotation = "io.containerd.image.name";
inline constexpr std::string_view reference_annotation = "org.opencontainers.image.ref.name";

}  // namespace gantry::images
