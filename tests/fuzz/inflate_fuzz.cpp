#include "images/compression.h"
#include "tests/fuzz/fuzz.h"
#include "tests/images/memory_source.h"

// A compressed layer: the framing of gzip's members and zstd's frames, and what the first bytes tell. The
// same input gives the same output or error however it is cut into blocks, and no more than the limit.

namespace {

using namespace gantry;
using namespace gantry::images;

constexpr uint64_t limit = uint64_t{1} << 20;

struct Outcome {
  std::string bytes;
  bool failed = false;
};

Outcome inflate(std::string_view text, oci::LayerCompression compression, size_t step) {
  test::MemorySource source(std::string(text), step);
  const auto inflated = decompress(source, compression, {.total = limit, .zstd_window_log = 20});
  Outcome outcome;
  while (true) {
    const auto piece = inflated->next();
    if (!piece) outcome.failed = true;
    if (!piece || piece->empty()) return outcome;
    outcome.bytes += *piece;
    if (outcome.bytes.size() > limit) fuzz::fail("more than the limit");
  }
}

}  // namespace

FUZZ_TARGET(text) {
  fuzz::Choices choices(text);
  const size_t step = choices.byte() + size_t{1};
  const auto rest = choices.rest();
  (void)detect_compression(rest.substr(0, 6));
  for (const auto compression : {oci::LayerCompression::gzip, oci::LayerCompression::zstd}) {
    const auto whole = inflate(rest, compression, rest.size() + 1);
    const auto cut = inflate(rest, compression, step);
    if (whole.failed != cut.failed) fuzz::fail("cut into blocks it ends otherwise");
    if (!whole.failed && whole.bytes != cut.bytes) fuzz::fail("cut into blocks it holds something else");
  }
}
