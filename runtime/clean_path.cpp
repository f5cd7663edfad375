#include "runtime/clean_path.h"

#include "base/text.h"

namespace gantry::runtime {

std::string clean_path(const std::string& path) {
  std::vector<std::string> kept;
  for (const auto& part : split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      kept.push_back(part);
    } else if (!kept.empty()) {
      kept.pop_back();
    }
  }
  return "/" + join(kept, "/");
}

}  // namespace gantry::runtime
