#pragma once

#include "base/fd.h"

#include <array>

namespace gantry::runtime {

// Descriptors that are closed together, one close_range(2) for each run of neighbours: init opens more than
// fifty, one after another. Nothing here allocates.
class ClosedTogether {
 public:
  ClosedTogether() = default;
  ClosedTogether(const ClosedTogether&) = delete;
  ClosedTogether& operator=(const ClosedTogether&) = delete;
  ~ClosedTogether() { close_all(); }

  void take(UniqueFd fd);

 private:
  void close_all();

  std::array<int, 64> fds_{};  // when full, all are closed: a configuration may name thousands of paths
  size_t count_ = 0;
};

}  // namespace gantry::runtime
