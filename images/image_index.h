#pragma once

#include "base/result.h"
#include "oci/digest.h"

#include <functional>
#include <string>
#include <vector>

namespace gantry::images {

// What the host has, as ROOT/index.json keeps it. An image is in it once, by its id.
struct IndexedImage {
  oci::Digest id;
  oci::Digest manifest;
  std::string manifest_media_type;
  std::vector<std::string> tags;     // "docker.io/library/web:v1"
  std::vector<std::string> digests;  // "docker.io/library/web@sha256:…"
  std::string added;                 // RFC 3339
};

struct ImageIndex {
  int version = 1;
  std::vector<IndexedImage> images;

  const IndexedImage* find(const oci::Digest& id) const;
  IndexedImage* find(const oci::Digest& id);
  // Adds it, or brings the entry up to date: the newest manifest counts, and digests of others go.
  void put(const IndexedImage& image);
  // Points a tag at an image that is in the index, and away from the one that had it.
  void move_tag(const std::string& tag, const oci::Digest& id);
};

Result<ImageIndex> parse_image_index(std::string_view text, std::string_view source);
std::string to_json_text(const ImageIndex& index);

// The file, and the lock beside it.
class IndexFile {
 public:
  explicit IndexFile(std::string root) : root_(std::move(root)) {}

  Result<ImageIndex> read() const;  // missing: empty
  // Reads, lets `change` work on it, and writes it durably; nothing is written when `change` fails.
  Result<void> change(const std::function<Result<void>(ImageIndex&)>& change) const;
  // Reads under the same lock, so that nothing changes while `look` runs.
  Result<void> inspect(const std::function<Result<void>(const ImageIndex&)>& look) const;

 private:
  std::string root_;
};

}  // namespace gantry::images
