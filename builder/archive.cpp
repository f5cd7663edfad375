#include "builder/archive.h"

#include "base/files.h"
#include "images/byte_source.h"
#include "images/compression.h"
#include "images/unpack.h"

#include <unistd.h>

namespace gantry::builder {
namespace {

constexpr size_t magic_size = 6;

struct Opened {
  oci::LayerCompression compression = oci::LayerCompression::none;
};

Result<oci::LayerCompression> compression_of(const UniqueFd& file) {
  std::string start(magic_size, '\0');
  const ssize_t size = pread(file.get(), start.data(), start.size(), 0);
  if (size < 0) return Error::system(errno, "read");
  start.resize(static_cast<size_t>(size));
  return images::detect_compression(start);
}

// Whether a first header can be read. What isn't an archive fails at once: its checksum is wrong.
Result<bool> has_header(const UniqueFd& file, oci::LayerCompression compression) {
  images::FileSource bytes(TRY(duplicate(file)));
  const auto plain = images::decompress(bytes, compression, {});
  images::TarReader reader(*plain);
  const auto first = reader.next();
  if (lseek(file.get(), 0, SEEK_SET) != 0) return Error::system(errno, "seek");
  return first && first->has_value();
}

}  // namespace

Result<bool> unpack_if_archive(UniqueFd file, const std::string& folder) {
  const auto compression = TRY(compression_of(file));
  if (!TRY(has_header(file, compression))) return false;
  images::FileSource bytes(std::move(file));
  const auto plain = images::decompress(bytes, compression, {});
  TRY(images::unpack_layer(*plain, folder).context("unpack"));
  return true;
}

}  // namespace gantry::builder
