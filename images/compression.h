#pragma once

#include "images/byte_source.h"
#include "oci/descriptor.h"

#include <functional>
#include <memory>

namespace gantry::images {

struct InflateLimits {
  uint64_t total = UINT64_MAX;    // bytes that may come out
  uint32_t zstd_window_log = 27;  // the largest window accepted: 2^27 is 128 MiB
};

// What a stream of this compression holds: gzip with any number of members (zero padding after the last is
// fine), zstd with any number of frames, skippable ones included. Errors: corrupt for broken or truncated
// data, saying where; invalid when a limit is passed.
std::unique_ptr<ByteSource> decompress(ByteSource& compressed, oci::LayerCompression compression,
                                       const InflateLimits& limits);

// The compression that a stream's first bytes (so many or more, unless it is shorter) tell.
// Errors: unsupported for xz, bzip2 and lz4, by name.
inline constexpr size_t detect_size = 6;
Result<oci::LayerCompression> detect_compression(std::string_view start);

// Compresses to one gzip member (ISA-L, level 1) without a name and a time in its header: the same input
// gives the same bytes.
class GzipWriter {
 public:
  using Output = std::function<Result<void>(std::string_view)>;
  explicit GzipWriter(Output output);
  ~GzipWriter();
  GzipWriter(const GzipWriter&) = delete;
  GzipWriter& operator=(const GzipWriter&) = delete;

  Result<void> write(std::string_view bytes);
  Result<void> finish();

 private:
  struct State;
  Result<void> deflate(std::string_view bytes, bool last);
  std::unique_ptr<State> state_;
  Output output_;
};

}  // namespace gantry::images
