#pragma once

#include "base/result.h"
#include "runtime/seccomp.h"

#include <optional>
#include <string>
#include <string_view>

namespace gantry::runtime {

// All that a compiled program depends on: the profile, as the text that it was read from, our version,
// libseccomp's, the machine and its kernel. Whatever is in the cache for a text was checked when it was put
// there, so that such a text needn't be parsed again.
std::string seccomp_cache_key(std::string_view profile);

// `cache`: a folder of ours, 0700, made when it is missing. A file of it holds its whole key, the flags and
// the program, so that a collision of names is a miss. A program is code for the kernel: a file that isn't a
// regular one of ours, mode 0600, of the right length, is a miss too.
std::optional<SeccompPlan> load_seccomp(const std::string& cache, const std::string& key);
Result<void> store_seccomp(const std::string& cache, const std::string& key, const SeccompPlan& plan);

}  // namespace gantry::runtime
