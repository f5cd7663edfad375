#include "images/store_layer.h"

#include "base/log.h"
#include "images/compression.h"
#include "images/layer_pipeline.h"
#include "oci/hasher.h"

#include <algorithm>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace gantry::images {
namespace {

std::string_view layer_type(oci::LayerCompression compression) {
  return compression == oci::LayerCompression::zstd ? oci::media_type::oci_layer_zstd
                                                    : oci::media_type::oci_layer_gzip;
}

Result<oci::Descriptor> put_document(ContentStore& content, Lease& lease, const std::string& text,
                                     std::string_view media_type) {
  const auto digest = oci::digest_of(text);
  TRY(lease.add(digest));
  if (!content.exists(digest)) TRY(content.put(text, digest));
  return oci::Descriptor{
      .media_type = std::string(media_type), .digest = digest, .size = static_cast<int64_t>(text.size())};
}

bool is_indexed(const ImageIndex& index, const IndexedImage& image) {
  const auto* known = index.find(image.id);
  if (known == nullptr || known->manifest != image.manifest) return false;
  return std::all_of(image.tags.begin(), image.tags.end(), [&](const std::string& tag) {
    return std::find(known->tags.begin(), known->tags.end(), tag) != known->tags.end();
  });
}

bool same_blobs(const oci::Manifest& left, const oci::Manifest& right) {
  return left.config.digest == right.config.digest &&
         std::equal(left.layers.begin(), left.layers.end(), right.layers.begin(), right.layers.end(),
                    [](const auto& one, const auto& other) {
                      return one.digest == other.digest && one.size == other.size;
                    });
}

Result<void> check_step(const ImageStore::State& state, const CachedStep& step, Lease& lease) {
  TRY(lease.add(step.blob.digest));
  TRY(lease.add(step.chain_id));
  if (state.content.exists(step.blob.digest) && state.layers.exists(step.chain_id)) return {};
  return Error(ErrorKind::not_found, "the layer is gone");
}

// The upper folder itself as the unpacked layer, as it is what unpacking the archive would make. Empty when
// it is on another file system than the store.
Result<std::optional<ImageLayer>> move_layer(ImageStore::State& state, const NewLayer& layer, Lease& lease) {
  auto draft = TRY(state.layers.begin());
  if (rmdir(draft.diff().c_str()) != 0) return Error::system(errno, "remove {}", draft.diff());
  if (rename(layer.upper.c_str(), draft.diff().c_str()) != 0) {
    const int error = errno;
    if (error == EXDEV) return std::optional<ImageLayer>();
    return Error::system(error, "rename {} to {}", layer.upper, draft.diff());
  }
  const bool plain_root = !layer.tar.root;
  if (plain_root && (chown(draft.diff().c_str(), 0, 0) != 0 || chmod(draft.diff().c_str(), 0755) != 0)) {
    return Error::system(errno, "set the owner and mode of {}", draft.diff());
  }
  auto ingest = TRY(state.content.begin());
  GzipWriter gzip([&](std::string_view bytes) { return ingest.write(bytes); });
  oci::Hasher hasher;
  const uint64_t size =
      TRY(write_layer_tar(draft.diff(), layer.tar, [&](std::string_view bytes) -> Result<void> {
        hasher.update(bytes);
        return gzip.write(bytes);
      }));
  TRY(gzip.finish());
  const auto diff_id = hasher.finish();
  const auto chain_id = oci::chain_id(layer.parent, diff_id);
  TRY(lease.add(ingest.seal()));
  TRY(lease.add(chain_id));
  const auto blob = TRY(ingest.commit());
  TRY(draft.commit({chain_id, diff_id, size}));
  oci::Descriptor descriptor{.media_type = std::string(layer_type(oci::LayerCompression::gzip)),
                             .digest = blob.digest,
                             .size = static_cast<int64_t>(blob.size)};
  return std::optional(ImageLayer{std::move(descriptor), diff_id, chain_id, size});
}

}  // namespace

Result<ImageLayer> store_layer(ImageStore::State& state, ByteSource& stream, Lease& lease,
                               const StoreLayerOptions& options) {
  const std::string start = TRY(read_start(stream, detect_size));
  if (start.empty()) return Error(ErrorKind::invalid, "the archive is empty");
  const auto compression = TRY(detect_compression(start));
  auto ingest = TRY(state.content.begin());
  GzipWriter gzip([&](std::string_view bytes) { return ingest.write(bytes); });
  PrefixSource whole(start, stream);
  uint64_t read = 0;
  TeeSource input(whole, [&](std::string_view bytes) -> Result<void> {
    read += bytes.size();
    if (options.progress) options.progress({"", Step::unpacking, read, 0});
    return compression == oci::LayerCompression::none ? Result<void>() : ingest.write(bytes);
  });
  ObservePlain observe;
  if (compression == oci::LayerCompression::none) {
    observe = [&](std::string_view bytes) { return gzip.write(bytes); };
  }
  auto draft = TRY(state.layers.begin());
  const auto layer = TRY(unpack_compressed(input, compression, draft.diff(), state.options, observe));
  if (compression == oci::LayerCompression::none) TRY(gzip.finish());
  for (const auto& warning : layer.content.warnings) log::warning("layer: {}", warning);
  if (!options.diff_id.empty() && layer.diff_id != options.diff_id) {
    return Error::make(ErrorKind::corrupt, "the layer is {}, its image says {}", layer.diff_id.string(),
                       options.diff_id.string());
  }
  const auto chain_id = oci::chain_id(options.parent, layer.diff_id);
  TRY(lease.add(ingest.seal()));
  TRY(lease.add(chain_id));
  const auto blob = TRY(ingest.commit());
  TRY(draft.commit({chain_id, layer.diff_id, layer.content.size}));
  oci::Descriptor descriptor{.media_type = std::string(layer_type(compression)),
                             .digest = blob.digest,
                             .size = static_cast<int64_t>(blob.size)};
  return ImageLayer{std::move(descriptor), layer.diff_id, chain_id, layer.content.size};
}

Result<UnpackedLayer> unpack_blob(ImageStore::State& state, const oci::Descriptor& blob,
                                  const std::string& directory) {
  FileSource file(TRY(state.content.open_blob(blob.digest)));
  const auto compression = TRY(oci::layer_compression(blob));
  return unpack_compressed(file, compression, directory, state.options);
}

Result<oci::Digest> store_image(ImageStore::State& state, const oci::ImageConfig& config,
                                const std::vector<oci::Descriptor>& layers,
                                const std::vector<oci::Reference>& tags, Lease& lease) {
  return store_documents(state, oci::to_json_text(config), "", layers, tags, lease);
}

Result<oci::Digest> store_documents(ImageStore::State& state, const std::string& config,
                                    const std::string& given, const std::vector<oci::Descriptor>& layers,
                                    const std::vector<oci::Reference>& tags, Lease& lease) {
  oci::Manifest manifest{.media_type = std::string(oci::media_type::oci_manifest)};
  manifest.config = TRY(put_document(state.content, lease, config, oci::media_type::oci_config));
  manifest.layers = layers;
  std::string text = oci::to_json_text(manifest);
  if (const auto kept = oci::parse_manifest(given, "manifest"); kept && same_blobs(*kept, manifest)) {
    text = given;
    manifest.media_type = kept->media_type.empty() ? manifest.media_type : kept->media_type;
  }
  const auto document = TRY(put_document(state.content, lease, text, manifest.media_type));
  IndexedImage image{.id = manifest.config.digest,
                     .manifest = document.digest,
                     .manifest_media_type = manifest.media_type,
                     .added = format_rfc3339(SystemClock().now())};
  for (const auto& tag : tags) image.tags.push_back(tag.string());
  // A build of what is there already writes nothing.
  if (is_indexed(TRY(state.index.read()), image)) return image.id;
  TRY(state.index.change([&](ImageIndex& index) -> Result<void> {
    index.put(image);
    return {};
  }));
  return image.id;
}

Result<ImageLayer> ImageStore::add_layer(const NewLayer& layer, Lease& lease) {
  // Times that are brought back are so in the archive alone: then the layer is made of that.
  if (layer.may_move && !layer.tar.latest_mtime) {
    auto moved = TRY(move_layer(*state_, layer, lease));
    if (moved) return std::move(*moved);
  }
  BlockPipe pipe;
  std::thread writer([&] {
    auto written = write_layer_tar(layer.upper, layer.tar, [&](auto bytes) { return pipe.push(bytes); });
    pipe.close(written ? std::optional<Error>() : std::optional<Error>(written.error()));
  });
  auto stored = store_layer(*state_, pipe, lease, {layer.parent, {}, {}});
  pipe.stop();
  writer.join();
  return stored;
}

Result<Image> ImageStore::add_image(const NewImage& image, Lease& lease) {
  std::vector<oci::Descriptor> blobs;
  for (const auto& layer : image.layers) blobs.push_back(layer.blob);
  return resolve(TRY(store_image(*state_, image.config, blobs, image.tags, lease)).string());
}

Result<void> ImageStore::lease_layers(const std::vector<ImageLayer>& layers, Lease& lease) const {
  for (const auto& layer : layers) {
    TRY(lease.add(layer.blob.digest));
    TRY(lease.add(layer.chain_id));
  }
  for (const auto& layer : layers) {
    if (state_->content.exists(layer.blob.digest) && state_->layers.exists(layer.chain_id)) continue;
    return Error::make(ErrorKind::not_found, "layer {} was removed meanwhile", layer.chain_id.string());
  }
  return {};
}

std::string ImageStore::layer_directory(const oci::Digest& chain_id) const {
  return state_->layers.diff(chain_id);
}

std::optional<CachedStep> ImageStore::find_step(const oci::Digest& key, Lease& lease) const {
  auto step = state_->cache.find(key);
  if (step && step->changed && !check_step(*state_, *step, lease)) return std::nullopt;
  return step;
}

Result<void> ImageStore::keep_step(const CachedStep& step) {
  return state_->index.inspect([&](const ImageIndex&) { return state_->cache.put(step); });
}

Result<std::vector<CachedStep>> ImageStore::cached_steps() const {
  return state_->cache.list();
}

Result<uint64_t> ImageStore::trim_build_cache(uint64_t most_bytes) {
  const auto steps = TRY(state_->cache.list());
  uint64_t total = 0;
  for (const auto& step : steps) total += step.size + static_cast<uint64_t>(step.blob.size);
  bool removed = false;
  for (const auto& step : steps) {
    if (total <= most_bytes && most_bytes > 0) break;
    total -= step.size + static_cast<uint64_t>(step.blob.size);
    TRY(state_->cache.remove(step.key));
    removed = true;
  }
  return removed ? collect() : Result<uint64_t>(uint64_t{0});
}

}  // namespace gantry::images
