#include "agent/backoff.h"

#include "base/random.h"

#include <algorithm>

namespace gantry::agent {

std::chrono::milliseconds Backoff::next() {
  const auto wait = next_;
  const auto grown =
      std::chrono::milliseconds(static_cast<int64_t>(static_cast<double>(wait.count()) * rule_.factor));
  next_ = std::min(std::max(grown, wait + std::chrono::milliseconds(1)), rule_.most);
  const auto span = static_cast<uint64_t>(static_cast<double>(wait.count()) * rule_.jitter);
  const auto shift = static_cast<int64_t>(random_below(2 * span + 1)) - static_cast<int64_t>(span);
  return wait + std::chrono::milliseconds(shift);
}

}  // namespace gantry::agent
