#include "base/log.h"
#include "base/text.h"
#include "images/compression.h"
#include "images/layer_pipeline.h"
#include "images/store_state.h"
#include "images/tar_writer.h"
#include "oci/hasher.h"

#include <cstdlib>
#include <thread>

namespace gantry::images {
namespace {

struct ImportedLayer {
  oci::Descriptor blob;
  oci::Digest diff_id;
};

std::string_view layer_type(oci::LayerCompression compression) {
  return compression == oci::LayerCompression::zstd ? oci::media_type::oci_layer_zstd
                                                    : oci::media_type::oci_layer_gzip;
}

Result<TimePoint> creation_time(const ImportOptions& options) {
  if (options.created) return *options.created;
  const char* epoch = getenv("SOURCE_DATE_EPOCH");
  if (epoch == nullptr) return SystemClock().now();
  constexpr uint64_t latest = 253'402'300'799;  // 9999-12-31
  const uint64_t seconds = TRY(parse_unsigned("SOURCE_DATE_EPOCH", epoch, latest));
  return TimePoint(std::chrono::seconds(seconds));
}

// The stream as a blob (as it came when it is compressed, else compressed here) and as an unpacked layer.
Result<ImportedLayer> import_layer(ImageStore::State& state, ByteSource& stream, Lease& lease,
                                   const ImportOptions& options) {
  const std::string start(TRY(stream.next()));
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
  for (const auto& warning : layer.content.warnings) log::warning("import: {}", warning);
  TRY(lease.add(ingest.seal()));
  TRY(lease.add(layer.diff_id));
  const auto blob = TRY(ingest.commit());
  TRY(draft.commit({layer.diff_id, layer.diff_id, layer.content.size}));
  oci::Descriptor descriptor{.media_type = std::string(layer_type(compression)),
                             .digest = blob.digest,
                             .size = static_cast<int64_t>(blob.size)};
  return ImportedLayer{std::move(descriptor), layer.diff_id};
}

Result<oci::ImageConfig> make_config(const ImportOptions& options, const oci::Digest& diff_id) {
  oci::ImageConfig config;
  config.created = format_rfc3339(TRY(creation_time(options)), false);
  config.platform = options.platform;
  TRY(apply_changes(config.config, options.changes));
  config.rootfs.diff_ids = {diff_id};
  config.history = {{.created = config.created, .created_by = "gantry import", .comment = options.message}};
  return config;
}

Result<oci::Descriptor> put_document(ContentStore& content, Lease& lease, const std::string& text,
                                     std::string_view media_type) {
  const auto digest = oci::digest_of(text);
  TRY(lease.add(digest));
  TRY(content.put(text, digest));
  return oci::Descriptor{
      .media_type = std::string(media_type), .digest = digest, .size = static_cast<int64_t>(text.size())};
}

Result<oci::Digest> import_stream(ImageStore::State& state, ByteSource& stream,
                                  const ImportOptions& options) {
  oci::ContainerConfig trial;
  TRY(apply_changes(trial, options.changes));  // before the work
  if (options.reference && options.reference->tag.empty()) {
    return Error::make(ErrorKind::invalid, "cannot import as \"{}\": it has no tag",
                       options.reference->familiar());
  }
  auto lease = TRY(state.content.lease());
  const auto layer = TRY(import_layer(state, stream, lease, options));
  const auto config = TRY(make_config(options, layer.diff_id));
  oci::Manifest manifest{.media_type = std::string(oci::media_type::oci_manifest)};
  manifest.config =
      TRY(put_document(state.content, lease, oci::to_json_text(config), oci::media_type::oci_config));
  manifest.layers = {layer.blob};
  const auto document =
      TRY(put_document(state.content, lease, oci::to_json_text(manifest), manifest.media_type));
  IndexedImage image{.id = manifest.config.digest,
                     .manifest = document.digest,
                     .manifest_media_type = manifest.media_type,
                     .added = format_rfc3339(SystemClock().now())};
  if (options.reference) image.tags = {options.reference->string()};
  TRY(state.index.change([&](ImageIndex& index) -> Result<void> {
    index.put(image);
    return {};
  }));
  return image.id;
}

}  // namespace

Result<Image> ImageStore::import_tar(UniqueFd stream, const ImportOptions& options) {
  FileSource source(std::move(stream));
  const auto id = TRY(import_stream(*state_, source, options).context("import"));
  return resolve(id.string());
}

Result<Image> ImageStore::import_directory(const std::string& directory, const ImportOptions& options) {
  BlockPipe pipe;
  std::thread writer([&] {
    auto written = write_tar(directory, [&](std::string_view bytes) { return pipe.push(bytes); });
    pipe.close(written ? std::optional<Error>() : std::optional<Error>(written.error()));
  });
  const auto id = import_stream(*state_, pipe, options);
  pipe.stop();
  writer.join();
  if (!id) return Error(id.error()).context("import {}", directory);
  return resolve(id->string());
}

}  // namespace gantry::images
