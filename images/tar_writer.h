#pragma once

#include "base/result.h"

#include <functional>
#include <string>
#include <string_view>

namespace gantry::images {

// Writes a folder's content as a tar archive (pax where ustar is too small): names sorted, "./" first, owners
// as numbers, times in whole seconds, extended attributes user.* and security.capability, hard links as
// such. The same folder gives the same bytes. Sockets are left out, as tar(1) does; other kinds of entries
// than the usual are refused by name.
using TarOutput = std::function<Result<void>(std::string_view)>;
Result<void> write_tar(const std::string& directory, const TarOutput& output);

}  // namespace gantry::images
