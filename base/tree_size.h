#pragma once

#include "base/result.h"

#include <cstdint>
#include <string>

namespace gantry {

// The bytes that a folder's files and folders take on disk, those with several names once; other file systems
// mounted below it don't count. A path that isn't there takes none.
Result<uint64_t> tree_size(const std::string& path);

}  // namespace gantry
