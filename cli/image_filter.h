#pragma once

#include "base/time.h"
#include "images/image_store.h"

#include <string>
#include <vector>

namespace gantry::cli {

// image prune --filter, as docker's: until=TIME (made before), label=KEY[=VALUE], label!=KEY[=VALUE]. All
// must match.
class ImageFilter {
 public:
  // Errors: unsupported for another key, naming those there are; invalid for a time.
  Result<void> add(const std::string& text, TimePoint now);
  bool matches(const images::Image& image) const;

 private:
  struct Label {
    std::string key;
    std::optional<std::string> value;
    bool wanted = true;
  };
  std::optional<TimePoint> until_;
  std::vector<Label> labels_;
};

}  // namespace gantry::cli
