#include "images/unpack.h"

#include "images/layer_writer.h"
#include "images/tar_fields.h"

namespace gantry::images {

Result<Unpacked> unpack_layer(ByteSource& tar, const std::string& directory, const UnpackLimits& limits) {
  TarReader reader(tar);
  LayerWriter writer(TRY(RootedDirectory::open(directory)), reader, limits.bytes);
  for (uint64_t count = 0;; ++count) {
    const auto entry = TRY(reader.next());
    if (!entry) break;
    // A name with a thousand missing folders is worth a thousand entries.
    if (count + writer.folders_made() >= limits.entries) {
      return Error::make(ErrorKind::invalid, "holds more than the limit of {} entries", limits.entries);
    }
    TRY(writer.apply(*entry).context("unpack {}", tar::printable(entry->path)));
  }
  TRY(reader.drain());
  TRY(writer.finish());
  return writer.take_result();
}

}  // namespace gantry::images
