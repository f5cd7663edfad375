#pragma once

#include "base/result.h"
#include "images/byte_source.h"
#include "images/tar_reader.h"

#include <cstdint>
#include <string>
#include <vector>

namespace gantry::images {

struct UnpackLimits {
  uint64_t entries = 10'000'000;        // missing parents count too
  uint64_t bytes = uint64_t{64} << 30;  // of files' data, as the headers claim it
};

struct Unpacked {
  uint64_t size = 0;  // bytes of files' data
  uint64_t entries = 0;
  std::vector<std::string> warnings;  // extended attributes that the file system doesn't take, each name once
};

// Writes a layer's tar stream into `directory`, an empty folder that becomes an overlay's lower folder:
// whiteouts become character devices 0:0, opaque markers the xattr trusted.overlay.opaque. Owners, modes
// (setuid included), times, extended attributes, capabilities, devices and holes are kept; entries that are
// there already are replaced where the type differs; missing parents are made 0755. Reads the source to its
// end. Nothing outside of `directory` is reached whatever the archive says.
// Errors: as TarReader's; invalid for names, links and attributes that can't be honoured, naming the entry.
Result<Unpacked> unpack_layer(ByteSource& tar, const std::string& directory, const UnpackLimits& limits = {});

}  // namespace gantry::images
