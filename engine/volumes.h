#pragma once

#include "base/fd.h"
#include "base/result.h"
#include "engine/layout.h"

#include <string>
#include <vector>

// Named volumes: ROOT/volumes/NAME/data, kept until someone removes them. A file `filled` beside it says that
// the image's content has been copied in.

namespace gantry::engine {

std::string volume_data_path(const Layout& layout, const std::string& name);

// Makes it unless it is there.
Result<void> ensure_volume(const Layout& layout, const std::string& name);

Result<std::vector<std::string>> list_volumes(const Layout& layout);

// A volume that was never used gets what the image has at `destination`, with owners, modes, links and
// extended attributes, as docker does. Others are left alone.
Result<void> fill_volume(const Layout& layout, const std::string& name, BorrowedFd rootfs,
                         const std::string& destination);

// Missing: fine.
Result<void> remove_volume(const Layout& layout, const std::string& name);

}  // namespace gantry::engine
