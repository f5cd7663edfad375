#pragma once

#include "base/fd.h"
#include "base/format.h"

#include <linux/openat2.h>
#include <string>
#include <utility>

namespace gantry::builder {

// For openat2(2): no link on the way, nor at the end.
inline constexpr uint64_t no_links = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;

inline std::string descriptor_path(BorrowedFd fd) {
  return format("/proc/self/fd/{}", fd.get());
}

// "a/b/c" to "a/b" and "c"; "/c" to "" and "c".
inline std::pair<std::string, std::string> split_path(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return {"", path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

}  // namespace gantry::builder
