#include "base/text.h"
#include "images/store_layer.h"
#include "images/tar_writer.h"

#include <cstdlib>
#include <thread>

namespace gantry::images {
namespace {

Result<TimePoint> creation_time(const ImportOptions& options) {
  if (options.created) return *options.created;
  const char* epoch = getenv("SOURCE_DATE_EPOCH");
  if (epoch == nullptr) return SystemClock().now();
  constexpr uint64_t latest = 253'402'300'799;  // 9999-12-31
  const uint64_t seconds = TRY(parse_unsigned("SOURCE_DATE_EPOCH", epoch, latest));
  return TimePoint(std::chrono::seconds(seconds));
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

Result<oci::Digest> import_stream(ImageStore::State& state, ByteSource& stream,
                                  const ImportOptions& options) {
  oci::ContainerConfig trial;
  TRY(apply_changes(trial, options.changes));  // before the work
  if (options.reference && options.reference->tag.empty()) {
    return Error::make(ErrorKind::invalid, "cannot import as \"{}\": it has no tag",
                       options.reference->familiar());
  }
  auto lease = TRY(state.content.lease());
  const auto layer = TRY(store_layer(state, stream, lease, {{}, options.progress, {}}));
  const auto config = TRY(make_config(options, layer.diff_id));
  std::vector<oci::Reference> tags;
  if (options.reference) tags.push_back(*options.reference);
  return store_image(state, config, {layer.blob}, tags, lease);
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
