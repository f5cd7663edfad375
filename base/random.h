#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace gantry {

// `bytes` random bytes from getrandom(2) as 2 * bytes lower-case hex digits.
std::string random_hex(size_t bytes);
// A version 4 UUID with dashes. RFC 9562.
std::string random_uuid();
// Uniform in [0, bound); bound 0 gives 0.
uint64_t random_below(uint64_t bound);

}  // namespace gantry
