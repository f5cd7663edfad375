#include "images/image_index.h"

#include "base/files.h"
#include "base/lock.h"

#include <algorithm>

namespace gantry::images {

const IndexedImage* ImageIndex::find(const oci::Digest& id) const {
  const auto found =
      std::find_if(images.begin(), images.end(), [&](const auto& image) { return image.id == id; });
  return found == images.end() ? nullptr : &*found;
}

IndexedImage* ImageIndex::find(const oci::Digest& id) {
  const auto found =
      std::find_if(images.begin(), images.end(), [&](const auto& image) { return image.id == id; });
  return found == images.end() ? nullptr : &*found;
}

void ImageIndex::put(const IndexedImage& image) {
  if (find(image.id) == nullptr) images.push_back({.id = image.id, .added = image.added});
  IndexedImage& known = *find(image.id);
  if (known.manifest != image.manifest) known.digests.clear();
  known.manifest = image.manifest;
  known.manifest_media_type = image.manifest_media_type;
  for (const auto& digest : image.digests) {
    const bool there = std::find(known.digests.begin(), known.digests.end(), digest) != known.digests.end();
    if (!there) known.digests.push_back(digest);
  }
  for (const auto& tag : image.tags) move_tag(tag, image.id);
}

void ImageIndex::move_tag(const std::string& tag, const oci::Digest& id) {
  for (auto& image : images) {
    std::erase(image.tags, tag);
    if (image.id == id) image.tags.push_back(tag);
  }
}

Result<ImageIndex> IndexFile::read() const {
  const std::string path = root_ + "/index.json";
  const auto text = read_file(path);
  if (!text && text.error().kind() == ErrorKind::not_found) return ImageIndex{};
  if (!text) return text.error();
  return parse_image_index(*text, path);
}

Result<void> IndexFile::change(const std::function<Result<void>(ImageIndex&)>& change) const {
  const auto lock = TRY(FileLock::acquire(root_ + "/locks/index"));
  auto index = TRY(read());
  TRY(change(index));
  return write_file(root_ + "/index.json", to_json_text(index), 0600, Durability::durable);
}

Result<void> IndexFile::inspect(const std::function<Result<void>(const ImageIndex&)>& look) const {
  const auto lock = TRY(FileLock::acquire(root_ + "/locks/index"));
  return look(TRY(read()));
}

}  // namespace gantry::images
