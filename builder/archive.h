#pragma once

#include "base/fd.h"
#include "base/result.h"

#include <string>

namespace gantry::builder {

// Unpacks a tar archive (plain, gzip or zstd) into the empty folder, as a layer is unpacked: nothing outside
// is reached. False, and nothing done, for any other file. Errors: unsupported for files compressed by xz,
// bzip2 or lz4, which may be archives; corrupt.
Result<bool> unpack_if_archive(UniqueFd file, const std::string& folder);

}  // namespace gantry::builder
