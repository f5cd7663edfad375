#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace gantry::images {

enum class Step { resolving, waiting, downloading, unpacking, exists, uploading, mounted, done };

// How one layer (or the whole, with an empty item) comes along. `item` is the first 12 digits of the layer's
// digest, as docker shows it.
struct Progress {
  std::string item;
  Step step = Step::waiting;
  uint64_t bytes = 0;  // of `total`, for downloading and uploading
  uint64_t total = 0;
};

using ProgressSink = std::function<void(const Progress&)>;

std::string_view step_name(Step step);  // "Downloading", "Pull complete", …: docker's words

}  // namespace gantry::images
