#include "base/root_path.h"
#include "images/archive.h"
#include "images/compression.h"
#include "images/store_layer.h"
#include "images/unpack.h"
#include "oci/hasher.h"

#include <fcntl.h>
#include <sys/stat.h>

namespace gantry::images {
namespace {

// An image in an unpacked archive, by paths below its root.
struct FoundImage {
  std::string config;
  oci::Digest config_digest;  // empty: docker's archive names none
  std::string manifest;       // the document's text; empty: there is none
  std::vector<std::string> layers;
  std::vector<oci::Digest> layer_digests;  // empty, or one for each
  std::vector<oci::Reference> tags;
};

class Loader {
 public:
  Loader(ImageStore::State& state, Lease& lease, UniqueFd root)
      : state_(state), lease_(lease), root_(std::move(root)) {}

  Result<std::vector<ImageStore::LoadedImage>> load() {
    const auto found = TRY(find_images());
    if (found.empty()) return Error(ErrorKind::invalid, "the archive holds no image");
    std::vector<ImageStore::LoadedImage> loaded;
    for (const auto& image : found) loaded.push_back({TRY(load_one(image)), image.tags});
    return loaded;
  }

 private:
  // A regular file, found inside the archive whatever links are in it.
  Result<UniqueFd> open_file_in(const std::string& path) const {
    auto file = TRY(open_in_root(root_, path, O_RDONLY | O_NONBLOCK | O_NOCTTY).context("archive"));
    struct stat info {};
    if (fstat(file.get(), &info) != 0) return Error::system(errno, "stat {}", path);
    if (S_ISREG(info.st_mode)) return file;
    return Error::make(ErrorKind::invalid, "archive: {}: not a regular file", path);
  }
  Result<std::string> read_in(const std::string& path, size_t limit) const {
    const UniqueFd file = TRY(open_file_in(path));
    return read_all(file, limit).context("archive: {}", path);
  }
  bool has(const std::string& path) const { return bool(open_in_root(root_, path, O_PATH)); }

  // An OCI layout first: what has both says more there.
  Result<std::vector<FoundImage>> find_images() const {
    if (has("index.json") && has("oci-layout"))
      return find_in_index(TRY(read_in("index.json", oci::manifest_size_limit)));
    if (has("manifest.json"))
      return find_in_manifest(TRY(read_in("manifest.json", oci::manifest_size_limit)));
    return Error(ErrorKind::invalid, "the archive has neither manifest.json nor an OCI layout");
  }

  Result<std::vector<FoundImage>> find_in_manifest(const std::string& text) const {
    std::vector<FoundImage> found;
    for (auto& each : TRY(parse_archived_images(text, "manifest.json"))) {
      FoundImage image;
      image.config = std::move(each.config);
      image.layers = std::move(each.layers);
      for (const auto& tag : each.tags) image.tags.push_back(TRY(oci::Reference::parse(tag)));
      found.push_back(std::move(image));
    }
    return found;
  }

  static std::string blob_path(const oci::Digest& digest) {
    return format("blobs/{}/{}", digest.algorithm_name(), digest.hex());
  }
  // A document that matches its digest.
  Result<std::string> read_blob(const oci::Digest& digest, size_t limit) const {
    auto text = TRY(read_in(blob_path(digest), limit));
    if (oci::digest_of(text, digest.algorithm()) == digest) return text;
    return Error::make(ErrorKind::corrupt, "archive: {}: its content has another digest", blob_path(digest));
  }

  static std::vector<oci::Reference> tags_of(const oci::Descriptor& descriptor) {
    const auto value = [&](std::string_view key) {
      const auto each = descriptor.annotations.find(std::string(key));
      return each == descriptor.annotations.end() ? std::string() : each->second;
    };
    std::string name = value(image_name_annotation);
    // A tag alone is no name.
    if (name.empty() && value(reference_annotation).find_first_of(":/") != std::string::npos) {
      name = value(reference_annotation);
    }
    const auto reference = oci::Reference::parse(name);
    if (!reference || reference->tag.empty()) return {};
    return {*reference};
  }

  Result<std::vector<FoundImage>> find_in_index(const std::string& text) const {
    std::vector<FoundImage> found;
    for (const auto& descriptor : TRY(oci::parse_index(text, "index.json")).manifests) {
      auto document = TRY(read_blob(descriptor.digest, oci::manifest_size_limit));
      const auto source = descriptor.digest.string();
      if (TRY(oci::classify_document(document, descriptor.media_type, source)) == oci::DocumentKind::index) {
        const auto index = TRY(oci::parse_index(document, source));
        const auto chosen = TRY(oci::choose_platform(index, oci::Platform::host(), source));
        document = TRY(read_blob(chosen.digest, oci::manifest_size_limit));
      }
      const auto manifest = TRY(oci::parse_manifest(document, source));
      FoundImage image{.config = blob_path(manifest.config.digest),
                       .config_digest = manifest.config.digest,
                       .manifest = std::move(document),
                       .tags = tags_of(descriptor)};
      for (const auto& layer : manifest.layers) {
        TRY(oci::layer_compression(layer));
        image.layers.push_back(blob_path(layer.digest));
        image.layer_digests.push_back(layer.digest);
      }
      add(found, std::move(image));
    }
    return found;
  }

  // An image with several tags is in an index once for each.
  static void add(std::vector<FoundImage>& found, FoundImage image) {
    for (auto& each : found) {
      if (each.config_digest != image.config_digest || each.manifest != image.manifest) continue;
      each.tags.insert(each.tags.end(), image.tags.begin(), image.tags.end());
      return;
    }
    found.push_back(std::move(image));
  }

  Result<oci::Digest> load_one(const FoundImage& image) {
    const std::string text = TRY(read_in(image.config, config_size_limit));
    if (!image.config_digest.empty() && oci::digest_of(text) != image.config_digest) {
      return Error::make(ErrorKind::corrupt, "archive: {}: its content has another digest", image.config);
    }
    const auto config = TRY(oci::parse_image_config(text, image.config));
    if (config.rootfs.diff_ids.size() != image.layers.size()) {
      return Error::make(ErrorKind::corrupt, "archive: {} has {} layers, its image {}", image.config,
                         config.rootfs.diff_ids.size(), image.layers.size());
    }
    std::vector<oci::Descriptor> layers;
    oci::Digest parent;
    for (size_t i = 0; i < image.layers.size(); ++i) {
      const auto layer =
          TRY(load_layer(image, i, config.rootfs.diff_ids[i], parent).context("{}", image.layers[i]));
      layers.push_back(layer.blob);
      parent = layer.chain_id;
    }
    return store_documents(state_, text, image.manifest, layers, image.tags, lease_);
  }

  Result<ImageLayer> load_layer(const FoundImage& image, size_t number, const oci::Digest& diff_id,
                                const oci::Digest& parent) {
    FileSource file(TRY(open_file_in(image.layers[number])));
    oci::Hasher hasher(image.layer_digests.empty() ? oci::DigestAlgorithm::sha256
                                                   : image.layer_digests[number].algorithm());
    TeeSource stream(file, [&](std::string_view bytes) -> Result<void> {
      hasher.update(bytes);
      return {};
    });
    auto layer = TRY(store_layer(state_, stream, lease_, {parent, {}, diff_id}));
    if (image.layer_digests.empty() || hasher.finish() == image.layer_digests[number]) return layer;
    return Error(ErrorKind::corrupt, "its content has another digest");
  }

  ImageStore::State& state_;
  Lease& lease_;
  UniqueFd root_;
};

}  // namespace

Result<std::vector<ImageStore::LoadedImage>> ImageStore::load(UniqueFd stream) {
  FileSource source(std::move(stream));
  const std::string start = TRY(read_start(source, detect_size));
  if (start.empty()) return Error(ErrorKind::invalid, "the archive is empty");
  PrefixSource whole(start, source);
  // Twice, for headers and padding: what follows the archive's end isn't inflated without bounds.
  const InflateLimits limits{2 * UnpackLimits{}.bytes, state_->options.zstd_window_log_limit};
  const auto plain = decompress(whole, TRY(detect_compression(start)), limits);
  // A layer's draft as the place for it: what a killed load leaves, the next open removes.
  const auto draft = TRY(state_->layers.begin());
  TRY(unpack_layer(*plain, draft.diff()).context("archive"));
  auto lease = TRY(state_->content.lease());
  return Loader(*state_, lease, TRY(open_file(draft.diff(), O_RDONLY | O_DIRECTORY))).load();
}

}  // namespace gantry::images
