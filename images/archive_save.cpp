#include "images/archive.h"
#include "images/store_state.h"

#include <algorithm>
#include <fcntl.h>
#include <set>

namespace gantry::images {
namespace {

struct SavedImage {
  Image image;
  std::vector<oci::Reference> tags;
};

std::string blob_path(const oci::Digest& digest) {
  return format("blobs/{}/{}", digest.algorithm_name(), digest.hex());
}

void add_saved_tag(std::vector<oci::Reference>& tags, const oci::Reference& tag) {
  if (std::find(tags.begin(), tags.end(), tag) == tags.end()) tags.push_back(tag);
}

// The images, each once, with the tags that were asked for.
Result<std::vector<SavedImage>> choose(const ImageStore& store, const std::vector<std::string>& names) {
  std::vector<SavedImage> chosen;
  for (const auto& name : names) {
    auto image = TRY(store.resolve(name));
    auto known = std::find_if(chosen.begin(), chosen.end(),
                              [&](const auto& each) { return each.image.id == image.id; });
    if (known == chosen.end()) known = chosen.insert(chosen.end(), {std::move(image), {}});
    const auto reference = oci::Reference::parse(name);
    const auto& tags = known->image.tags;
    const bool by_tag = reference && std::find(tags.begin(), tags.end(), *reference) != tags.end();
    if (by_tag) add_saved_tag(known->tags, *reference);
    if (!by_tag) {
      for (const auto& tag : tags) add_saved_tag(known->tags, tag);
    }
  }
  return chosen;
}

oci::Descriptor describe_manifest(const SavedImage& each, uint64_t size) {
  oci::Descriptor manifest{.media_type = each.image.manifest_media_type,
                           .digest = each.image.manifest_digest,
                           .size = static_cast<int64_t>(size)};
  manifest.platform = each.image.config.platform;
  return manifest;
}

ArchivedImage archived(const SavedImage& each) {
  ArchivedImage image;
  image.config = blob_path(each.image.id);
  for (const auto& tag : each.tags) image.tags.push_back(tag.familiar());
  for (const auto& layer : each.image.layers) image.layers.push_back(blob_path(layer.blob.digest));
  return image;
}

class Saver {
 public:
  Saver(const ContentStore& content, const TarOutput& output) : content_(content), archive_(output) {}

  Result<void> save(const std::vector<SavedImage>& chosen) {
    oci::Index index{.media_type = std::string(oci::media_type::oci_index)};
    std::vector<ArchivedImage> images;
    TRY(archive_.add_text("oci-layout", R"({"imageLayoutVersion":"1.0.0"})"));
    for (const auto& each : chosen) {
      TRY(add_blobs(each.image));
      add_descriptors(each, TRY(content_.info(each.image.manifest_digest)).size, index);
      images.push_back(archived(each));
    }
    TRY(archive_.add_text("index.json", oci::to_json_text(index)));
    TRY(archive_.add_text("manifest.json", to_json_text(images)));
    return archive_.end();
  }

 private:
  Result<void> add_blobs(const Image& image) {
    std::vector<oci::Digest> blobs = {image.manifest_digest, image.id};
    for (const auto& layer : image.layers) blobs.push_back(layer.blob.digest);
    for (const auto& digest : blobs) {
      if (!written_.insert(digest).second) continue;
      const UniqueFd blob = TRY(content_.open_blob(digest));
      TRY(archive_.add_file(blob_path(digest), blob));
    }
    return {};
  }

  static void add_descriptors(const SavedImage& each, uint64_t size, oci::Index& index) {
    const auto plain = describe_manifest(each, size);
    for (const auto& tag : each.tags) {
      auto named = plain;
      named.annotations[std::string(image_name_annotation)] = tag.string();
      named.annotations[std::string(reference_annotation)] = tag.tag;
      index.manifests.push_back(std::move(named));
    }
    if (each.tags.empty()) index.manifests.push_back(plain);
  }

  const ContentStore& content_;
  ArchiveWriter archive_;
  std::set<oci::Digest> written_;
};

}  // namespace

Result<void> ImageStore::save(const std::vector<std::string>& names, const TarOutput& output) const {
  return Saver(state_->content, output).save(TRY(choose(*this, names)));
}

}  // namespace gantry::images
