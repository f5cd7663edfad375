#include "base/json.h"
#include "images/archive.h"
#include "images/build_cache.h"
#include "images/image_index.h"
#include "images/layer_store.h"

namespace gantry::images {

template <class Visitor>
void members(Visitor& visit, LayerInfo& layer) {
  visit.required("chainId", layer.chain_id);
  visit.required("diffId", layer.diff_id);
  visit.required("size", layer.size);
}

Result<LayerInfo> parse_layer_info(std::string_view text, std::string_view source) {
  return parse_json<LayerInfo>(text, source);
}

std::string to_json_text(const LayerInfo& layer) {
  return to_json(layer);
}

template <class Visitor>
void members(Visitor& visit, IndexedImage& image) {
  visit.required("id", image.id);
  visit.required("manifest", image.manifest);
  visit.required("manifestMediaType", image.manifest_media_type);
  visit("tags", image.tags);
  visit("digests", image.digests);
  visit("added", image.added);
}

template <class Visitor>
void members(Visitor& visit, ImageIndex& index) {
  visit.required("version", index.version);
  if (Visitor::reading && index.version != 1) visit.fail("version must be 1: written by a newer gantry");
  visit.always("images", index.images);
}

Result<ImageIndex> parse_image_index(std::string_view text, std::string_view source) {
  return parse_json<ImageIndex>(text, source);
}

std::string to_json_text(const ImageIndex& index) {
  return to_json(index, 1);
}

template <class Visitor>
void members(Visitor& visit, ArchivedImage& image) {
  visit.required("Config", image.config);
  visit.always("RepoTags", image.tags);
  visit.always("Layers", image.layers);
}

Result<std::vector<ArchivedImage>> parse_archived_images(std::string_view text, std::string_view source) {
  return parse_json<std::vector<ArchivedImage>>(text, source);
}

std::string to_json_text(const std::vector<ArchivedImage>& images) {
  return to_json(images);
}

template <class Visitor>
void members(Visitor& visit, CachedStep& step) {
  visit.required("key", step.key);
  visit.required("created", step.created);
  visit.required("changed", step.changed);
  if (!step.changed) return;
  visit.required("mediaType", step.blob.media_type);
  visit.required("blob", step.blob.digest);
  visit.required("blobSize", step.blob.size);
  visit.required("diffId", step.diff_id);
  visit.required("chainId", step.chain_id);
  visit.required("size", step.size);
}

Result<CachedStep> parse_cached_step(std::string_view text, std::string_view source) {
  return parse_json<CachedStep>(text, source);
}

std::string to_json_text(const CachedStep& step) {
  return to_json(step);
}

}  // namespace gantry::images
