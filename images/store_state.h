#pragma once

#include "images/content_store.h"
#include "images/image_index.h"
#include "images/image_store.h"
#include "images/layer_store.h"

// The inside of an ImageStore; for this folder only. Everything is on disk: this holds paths and options, and
// any number of threads may use it at once.
namespace gantry::images {

struct ImageStore::State {
  ImageStoreOptions options;
  ContentStore content;
  LayerStore layers;
  IndexFile index;
  BuildCacheFiles cache;
};

inline constexpr size_t config_size_limit = size_t{8} << 20;

// Reads an image's documents and layers' records.
Result<Image> load_image(const ContentStore& content, const LayerStore& layers, const IndexedImage& indexed);
// The image that a name means; see ImageStore. Errors: not_found, conflict.
Result<IndexedImage> find_image(const ImageIndex& index, std::string_view name);
// The chain ids of an image's layers, lowest first.
std::vector<oci::Digest> chain_ids(const oci::ImageConfig& config);
// OWNER to image id.
Result<std::vector<std::pair<std::string, oci::Digest>>> read_holds(const std::string& root);

}  // namespace gantry::images
