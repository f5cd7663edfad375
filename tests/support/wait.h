#pragma once

#include <chrono>
#include <functional>

namespace gantry::test {

// True as soon as `condition` holds, false if it doesn't within `limit`. Tests wait for conditions, never for
// time.
bool wait_until(const std::function<bool()>& condition,
                std::chrono::milliseconds limit = std::chrono::seconds(20));

}  // namespace gantry::test
