#pragma once

#include "images/byte_source.h"
#include "images/image_store.h"
#include "images/unpack.h"
#include "oci/descriptor.h"

#include <functional>
#include <string>

namespace gantry::images {

struct UnpackedLayer {
  oci::Digest diff_id;  // of the bytes that came out
  Unpacked content;
};

// Sees the uncompressed bytes on their way, on the inflating thread.
using ObservePlain = std::function<Result<void>(std::string_view)>;

// Inflates, hashes and unpacks a layer into `directory` in one pass; inflating and hashing in a thread of its
// own, files written in this one.
Result<UnpackedLayer> unpack_compressed(ByteSource& compressed, oci::LayerCompression compression,
                                        const std::string& directory, const ImageStoreOptions& options,
                                        const ObservePlain& observe = {});

}  // namespace gantry::images
