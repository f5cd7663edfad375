#include "base/log.h"
#include "images/layer_pipeline.h"
#include "images/ranged_download.h"
#include "images/store_layer.h"
#include "images/store_state.h"
#include "images/transfer.h"
#include "oci/hasher.h"

#include <algorithm>
#include <thread>

namespace gantry::images {
namespace {

constexpr int index_depth_limit = 3;
constexpr uint64_t ranged_from_default = uint64_t{48} << 20;

// Everything that one pull's steps need.
struct Pull {
  ImageStore::State& state;
  const oci::Reference& reference;
  const RegistrySource& source;
  const PullOptions& options;
  RegistryClient& client;
  Lease& lease;
  std::mutex lease_mutex{};
  Reporter reporter;
  bool& stored;  // something of it may be in the store
  std::atomic<bool> stop = false;

  Result<void> hold(const oci::Digest& digest) {
    const std::lock_guard lock(lease_mutex);
    stored = true;
    return lease.add(digest);
  }
};

struct Chosen {
  FetchedDocument document;
  oci::Manifest manifest;
};

unsigned layer_threads(const ImageStoreOptions& options) {
  if (options.parallel_layers != 0) return options.parallel_layers;
  return std::clamp(std::thread::hardware_concurrency(), 2U, 4U);
}

// The image manifest behind a reference: through indexes by platform.
Result<Chosen> fetch_manifest(Pull& pull) {
  const auto& reference = pull.reference;
  std::string wanted = reference.digest.empty() ? reference.tag : reference.digest.string();
  std::string expected_type;
  for (int depth = 0; depth < index_depth_limit; ++depth) {
    auto document = TRY(pull.client.manifest(pull.source.path, wanted));
    const std::string source = format("{}@{}", reference.name(), document.digest.string());
    const auto kind = TRY(oci::classify_document(document.text, document.media_type, source));
    if (kind == oci::DocumentKind::manifest) {
      auto manifest = TRY(oci::parse_manifest(document.text, source));
      if (oci::is_manifest_type(manifest.media_type)) document.media_type = manifest.media_type;
      if (!oci::is_manifest_type(document.media_type)) document.media_type = oci::media_type::oci_manifest;
      return Chosen{std::move(document), std::move(manifest)};
    }
    const auto index = TRY(oci::parse_index(document.text, source));
    wanted = TRY(oci::choose_platform(index, pull.options.platform, reference.familiar())).digest.string();
  }
  return Error::make(ErrorKind::invalid, "indexes are nested deeper than {}", index_depth_limit);
}

Result<void> check_manifest(const oci::Manifest& manifest) {
  const auto& type = manifest.config.media_type;
  if (type != oci::media_type::oci_config && type != oci::media_type::docker_config) {
    return Error::make(ErrorKind::unsupported, "is no container image: its config is of type \"{}\"", type);
  }
  if (manifest.config.size > static_cast<int64_t>(config_size_limit)) {
    return Error::make(ErrorKind::invalid, "the config of {} bytes is longer than {}", manifest.config.size,
                       config_size_limit);
  }
  for (const auto& layer : manifest.layers) TRY(oci::layer_compression(layer));
  return {};
}

bool has_blob(const ContentStore& content, const oci::Descriptor& blob) {
  const auto info = content.info(blob.digest);
  return info && info->size == static_cast<uint64_t>(blob.size);
}

Result<oci::ImageConfig> fetch_config(Pull& pull, const oci::Manifest& manifest) {
  auto& content = pull.state.content;
  const auto& blob = manifest.config;
  TRY(pull.hold(blob.digest));
  if (!has_blob(content, blob)) {
    std::string text;
    TRY(pull.client.blob(pull.source.path, blob, [&](std::string_view bytes) -> Result<void> {
      text += bytes;
      return {};
    }));
    TRY(content.put(text, blob.digest));
  }
  const auto text = TRY(content.read(blob.digest, config_size_limit));
  auto config = TRY(oci::parse_image_config(text, "image config " + blob.digest.string()));
  if (config.rootfs.diff_ids.size() == manifest.layers.size()) return config;
  return Error::make(ErrorKind::corrupt, "the manifest has {} layers, the config {}", manifest.layers.size(),
                     config.rootfs.diff_ids.size());
}

bool in_ranges(const Pull& pull, const oci::Descriptor& blob) {
  const auto& from = pull.state.options.ranged_from;
  if (!from && is_loopback_host(pull.source.host)) return false;
  return static_cast<uint64_t>(blob.size) >= from.value_or(ranged_from_default);
}

Result<void> download_ranges(Pull& pull, const oci::Descriptor& blob, Ingest& ingest, BlockPipe* pipe) {
  std::atomic<uint64_t> placed = 0;
  RangedDownload ranged;
  ranged.segment = std::min(ranged.segment, static_cast<uint64_t>(blob.size) / ranged.connections + 1);
  ranged.place = [&](std::string_view bytes, uint64_t offset) -> Result<void> {
    if (pull.stop) return Error(ErrorKind::conflict, "stopped: another layer failed");
    TRY(ingest.place(bytes, offset));
    pull.reporter.report(blob.digest, Step::downloading, placed += bytes.size(),
                         static_cast<uint64_t>(blob.size));
    return {};
  };
  ranged.advance = [&](uint64_t end) {
    return ingest.absorb(
        end, [&](std::string_view bytes) { return pipe == nullptr ? Result<void>() : pipe->push(bytes); });
  };
  return ranged.run(pull.client, pull.source.path, blob);
}

Result<void> download_in_order(Pull& pull, const oci::Descriptor& blob, Ingest& ingest, BlockPipe* pipe) {
  const auto total = static_cast<uint64_t>(blob.size);
  return pull.client.blob(pull.source.path, blob, [&](std::string_view bytes) -> Result<void> {
    if (pull.stop) return Error(ErrorKind::conflict, "stopped: another layer failed");
    TRY(ingest.write(bytes));
    pull.reporter.report(blob.digest, Step::downloading, ingest.size(), total);
    return pipe == nullptr ? Result<void>() : pipe->push(bytes);
  });
}

// Downloads into the store's ingest, and into `pipe` on the way when there is one.
Result<void> download(Pull& pull, const oci::Descriptor& blob, Ingest& ingest, BlockPipe* pipe) {
  if (in_ranges(pull, blob)) {
    auto done = download_ranges(pull, blob, ingest, pipe);
    if (done || done.error().kind() != ErrorKind::unsupported || ingest.size() > 0) return done;
  }
  return download_in_order(pull, blob, ingest, pipe);
}

Result<UnpackedLayer> download_and_unpack(Pull& pull, const oci::Descriptor& blob, Ingest& ingest,
                                          const std::string& directory) {
  const auto compression = TRY(oci::layer_compression(blob));
  BlockPipe pipe;
  Result<void> downloaded;
  std::thread downloader([&] {
    downloaded = download(pull, blob, ingest, &pipe);
    pipe.close(downloaded ? std::optional<Error>() : std::optional<Error>(downloaded.error()));
  });
  auto layer = unpack_compressed(pipe, compression, directory, pull.state.options);
  // Broken content is most often the wrong content: the whole is read then, so that the digest can say so.
  const bool needs_digest = layer || layer.error().kind() == ErrorKind::corrupt;
  for (auto rest = pipe.next(); needs_digest && rest && !rest->empty();) rest = pipe.next();
  pipe.stop();
  downloader.join();
  if (needs_digest && !downloaded) return std::move(downloaded).error();
  if (needs_digest && ingest.seal() != blob.digest) {
    return Error::make(ErrorKind::corrupt, "digest doesn't match: expected {}, got {}", blob.digest.string(),
                       ingest.seal().string());
  }
  return layer;
}

Result<void> commit_layer(LayerDraft& draft, const UnpackedLayer& layer, const oci::Digest& diff_id,
                          const oci::Digest& chain_id) {
  if (layer.diff_id != diff_id) {
    return Error::make(ErrorKind::corrupt, "content's digest doesn't match: expected {}, got {}",
                       diff_id.string(), layer.diff_id.string());
  }
  for (const auto& warning : layer.content.warnings) log::warning("unpack: {}", warning);
  return draft.commit({chain_id, diff_id, layer.content.size});
}

Result<void> fetch_layer(Pull& pull, const oci::Descriptor& blob, const oci::Digest& diff_id,
                         const oci::Digest& chain_id) {
  auto& content = pull.state.content;
  auto& layers = pull.state.layers;
  TRY(pull.hold(blob.digest));
  TRY(pull.hold(chain_id));
  pull.reporter.report(blob.digest, Step::waiting);
  // In this order everywhere; a layer's chain id comes before any blob, so that no two pulls wait in a
  // circle.
  const auto layer_lock = TRY(layers.lock(chain_id));
  const auto blob_lock = TRY(content.lock_blob(blob.digest));
  const bool blob_there = has_blob(content, blob);
  const bool layer_there = layers.exists(chain_id);
  if (blob_there && layer_there) {
    pull.reporter.report(blob.digest, Step::exists);
    return {};
  }
  if (blob_there) {
    auto draft = TRY(layers.begin());
    const auto layer = TRY(unpack_blob(pull.state, blob, draft.diff()));
    return commit_layer(draft, layer, diff_id, chain_id);
  }
  auto ingest = TRY(content.begin(blob.digest.algorithm()));
  const auto size = static_cast<uint64_t>(blob.size);
  if (layer_there) {
    TRY(download(pull, blob, ingest, nullptr));
    TRY(ingest.commit(blob.digest, size));
  } else {
    auto draft = TRY(layers.begin());
    const auto layer = TRY(download_and_unpack(pull, blob, ingest, draft.diff()));
    pull.reporter.report(blob.digest, Step::unpacking);
    TRY(ingest.commit(blob.digest, size));
    TRY(commit_layer(draft, layer, diff_id, chain_id));
  }
  pull.reporter.report(blob.digest, Step::done);
  return {};
}

Result<void> fetch_layers(Pull& pull, const oci::Manifest& manifest, const oci::ImageConfig& config) {
  const auto chain = chain_ids(config);
  return run_parallel(manifest.layers.size(), layer_threads(pull.state.options), pull.stop, [&](size_t i) {
    return fetch_layer(pull, manifest.layers[i], config.rootfs.diff_ids[i], chain[i])
        .context("layer {}", manifest.layers[i].digest.string());
  });
}

IndexedImage indexed(const oci::Reference& reference, const Chosen& chosen, const oci::Digest& requested) {
  IndexedImage image{.id = chosen.manifest.config.digest,
                     .manifest = chosen.document.digest,
                     .manifest_media_type = chosen.document.media_type,
                     .added = format_rfc3339(SystemClock().now())};
  const bool by_index = !requested.empty() && requested != chosen.document.digest;
  image.digests = {format("{}@{}", reference.name(), chosen.document.digest.string())};
  if (by_index) image.digests.push_back(format("{}@{}", reference.name(), requested.string()));
  if (!reference.tag.empty() && reference.digest.empty()) image.tags = {reference.string()};
  return image;
}

Result<oci::Digest> run(Pull& pull) {
  pull.reporter.report({}, Step::resolving);
  const auto chosen = TRY(fetch_manifest(pull));
  TRY(check_manifest(chosen.manifest));
  TRY(pull.hold(chosen.document.digest));
  const auto config = TRY(fetch_config(pull, chosen.manifest));
  TRY(fetch_layers(pull, chosen.manifest, config));
  TRY(pull.state.content.put(chosen.document.text, chosen.document.digest));
  const auto image = indexed(pull.reference, chosen, pull.reference.digest);
  TRY(pull.state.index.change([&](ImageIndex& index) -> Result<void> {
    index.put(image);
    return {};
  }));
  return image.id;
}

// Another source may have what this one hasn't, or has wrong.
bool may_try_next(const Error& error) {
  return error.kind() != ErrorKind::system && error.kind() != ErrorKind::conflict;
}

// Holds the pull's lease from its start to its end.
Result<oci::Digest> pull_leased(ImageStore::State& state, const oci::Reference& reference,
                                const PullOptions& options, bool& stored) {
  const auto conf = TRY(RegistriesConf::from_environment());
  auto lease = TRY(state.content.lease());
  for (const auto& source : TRY(conf.sources(reference))) {
    RegistryClient client(source.host, TRY(registry_options(source, options, state.options)));
    Pull pull{state, reference, source, options, client, lease, {}, Reporter(options.progress), stored};
    auto id = run(pull);
    if (id || !source.is_mirror || !may_try_next(id.error())) return id;
    log::warning("pull {}: mirror {} passed by: {}", reference.familiar(), source.host, id.error().message());
  }
  return Error(ErrorKind::not_found, "no registry to ask");
}

}  // namespace

Result<Image> ImageStore::pull(const oci::Reference& reference, const PullOptions& options) {
  bool stored = false;
  auto id = pull_leased(*state_, reference, options, stored);
  if (id) return resolve(id->string());
  Error error = std::move(id).error();
  // After a broken connection whole layers stay for the next try; after anything else nothing does.
  const bool worth_keeping = error.kind() == ErrorKind::unavailable || error.kind() == ErrorKind::timeout;
  if (stored && !worth_keeping) {
    // The next removal or collection takes what stays.
    if (const auto freed = collect(); !freed) {
      log::warning("pull: what it left can't be removed now error=\"{}\"", freed.error().message());
    }
  }
  return std::move(error).context("pull {}", reference.familiar());
}

}  // namespace gantry::images
