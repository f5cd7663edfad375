#include "images/layer_pipeline.h"

#include "images/compression.h"
#include "oci/hasher.h"

#include <thread>

namespace gantry::images {
namespace {

Result<oci::Digest> inflate_into(BlockPipe& pipe, ByteSource& plain, const ObservePlain& observe) {
  oci::Hasher hasher;
  while (true) {
    const std::string_view block = TRY(plain.next());
    if (block.empty()) return hasher.finish();
    hasher.update(block);
    if (observe) TRY(observe(block));
    TRY(pipe.push(block));
  }
}

}  // namespace

Result<UnpackedLayer> unpack_compressed(ByteSource& compressed, oci::LayerCompression compression,
                                        const std::string& directory, const ImageStoreOptions& options,
                                        const ObservePlain& observe) {
  const InflateLimits limits{options.layer_size_limit, options.zstd_window_log_limit};
  const auto plain = decompress(compressed, compression, limits);
  BlockPipe pipe;
  oci::Digest diff_id;
  std::thread inflater([&] {
    auto digest = inflate_into(pipe, *plain, observe);
    if (digest) diff_id = *digest;
    pipe.close(digest ? std::optional<Error>() : std::optional<Error>(digest.error()));
  });
  auto content = unpack_layer(pipe, directory, {options.layer_entry_limit, options.layer_size_limit});
  pipe.stop();
  inflater.join();
  if (!content) return std::move(content).error();
  return UnpackedLayer{std::move(diff_id), std::move(content).value()};
}

}  // namespace gantry::images
