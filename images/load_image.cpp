#include "base/text.h"
#include "images/store_state.h"

#include <algorithm>

namespace gantry::images {
namespace {

constexpr size_t shortest_id = 1;

Error no_such_image(std::string_view name) {
  return Error::make(ErrorKind::not_found, "no such image: {}", name);
}

const IndexedImage* find_by_reference(const ImageIndex& index, std::string_view name) {
  const auto reference = oci::Reference::parse(name);
  if (!reference) return nullptr;
  const bool by_digest = !reference->digest.empty();
  const std::string wanted =
      by_digest ? format("{}@{}", reference->name(), reference->digest.string()) : reference->string();
  for (const auto& image : index.images) {
    const auto& names = by_digest ? image.digests : image.tags;
    if (std::find(names.begin(), names.end(), wanted) != names.end()) return &image;
  }
  return nullptr;
}

Result<const IndexedImage*> find_by_id(const ImageIndex& index, std::string_view name) {
  std::string_view digits = name;
  if (digits.starts_with("sha256:")) digits.remove_prefix(7);
  const IndexedImage* found = nullptr;
  const bool is_id =
      digits.size() >= shortest_id && digits.find_first_not_of("0123456789abcdef") == std::string_view::npos;
  if (!is_id) return found;
  for (const auto& image : index.images) {
    if (!image.id.hex().starts_with(digits)) continue;
    if (found != nullptr) return Error::make(ErrorKind::conflict, "image id \"{}\" is ambiguous", name);
    found = &image;
  }
  return found;
}

}  // namespace

std::vector<oci::Digest> chain_ids(const oci::ImageConfig& config) {
  std::vector<oci::Digest> chain;
  for (const auto& diff_id : config.rootfs.diff_ids) {
    chain.push_back(oci::chain_id(chain.empty() ? oci::Digest() : chain.back(), diff_id));
  }
  return chain;
}

Result<IndexedImage> find_image(const ImageIndex& index, std::string_view name) {
  if (const auto* image = find_by_reference(index, name)) return *image;
  if (const auto* image = TRY(find_by_id(index, name))) return *image;
  return no_such_image(name);
}

Result<Image> load_image(const ContentStore& content, const LayerStore& layers, const IndexedImage& indexed) {
  const std::string source = "manifest " + indexed.manifest.string();
  const auto text = TRY(content.read(indexed.manifest, oci::manifest_size_limit));
  const auto manifest = TRY(oci::parse_manifest(text, source));
  Image image;
  image.id = indexed.id;
  image.manifest_digest = indexed.manifest;
  image.manifest_media_type = indexed.manifest_media_type;
  const auto config = TRY(content.read(indexed.id, config_size_limit));
  image.config = TRY(oci::parse_image_config(config, "image config " + indexed.id.string()));
  if (image.config.rootfs.diff_ids.size() != manifest.layers.size()) {
    return Error::make(ErrorKind::corrupt, "{}: has {} layers, its config {}", source, manifest.layers.size(),
                       image.config.rootfs.diff_ids.size());
  }
  image.compressed_size = static_cast<uint64_t>(manifest.config.size);
  const auto chain = chain_ids(image.config);
  for (size_t i = 0; i < manifest.layers.size(); ++i) {
    const auto layer = TRY(layers.info(chain[i]));
    image.layers.push_back({manifest.layers[i], image.config.rootfs.diff_ids[i], chain[i], layer.size});
    image.size += layer.size;
    image.compressed_size += static_cast<uint64_t>(manifest.layers[i].size);
  }
  for (const auto& tag : indexed.tags) image.tags.push_back(TRY(oci::Reference::parse(tag)));
  for (const auto& digest : indexed.digests) image.digests.push_back(TRY(oci::Reference::parse(digest)));
  return image;
}

Result<std::vector<std::pair<std::string, oci::Digest>>> read_holds(const std::string& root) {
  std::vector<std::pair<std::string, oci::Digest>> holds;
  for (const auto& owner : TRY(list_directory(root + "/holds"))) {
    if (owner.ends_with(".tmp")) continue;  // a write in progress
    const std::string path = format("{}/holds/{}", root, owner);
    const auto text = read_file(path, 4096);
    if (!text && text.error().kind() == ErrorKind::not_found) continue;  // released meanwhile
    if (!text) return text.error();
    holds.emplace_back(owner, TRY(oci::Digest::parse(trim(*text)).context("{}", path)));
  }
  return holds;
}

}  // namespace gantry::images
