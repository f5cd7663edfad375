#pragma once

#include <string>

namespace gantry::runtime {

// An absolute path without ".", doubled and trailing slashes; ".." is taken lexically. For texts and
// comparisons, not for opening what a container may have changed.
std::string clean_path(const std::string& path);

}  // namespace gantry::runtime
