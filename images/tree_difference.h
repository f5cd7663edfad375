#pragma once

#include "base/result.h"

#include <optional>
#include <string>

namespace gantry::images {

// The first difference between two trees of a layer's files, as "usr/bin/env: mode 0644, should be 0755";
// empty when there is none. `expected` is as the layer's archive has it. Compared: types, owners, modes,
// sizes, contents, link targets, numbers of links, devices, extended attributes, and times by the second, but
// not those of folders, which the archive needn't have.
Result<std::optional<std::string>> tree_difference(const std::string& expected, const std::string& found);

}  // namespace gantry::images
