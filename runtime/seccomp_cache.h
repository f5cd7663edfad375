#pragma once

#include "base/result.h"
#include "oci/seccomp_profile.h"

#include <linux/filter.h>
#include <optional>
#include <string>
#include <vector>

namespace gantry::runtime {

// All that a compiled program depends on: the profile, our version, libseccomp's, the machine and its kernel.
std::string seccomp_cache_key(const oci::SeccompProfile& profile);

// A file of the cache holds its whole key and the program, so that a collision of names is a miss. A program
// is code for the kernel: a file that isn't a regular one of ours, mode 0600, of the right length, is a miss
// too.
std::optional<std::vector<sock_filter>> load_seccomp(const std::string& cache, const std::string& key);
Result<void> store_seccomp(const std::string& cache, const std::string& key,
                           const std::vector<sock_filter>& program);

}  // namespace gantry::runtime
