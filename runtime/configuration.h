#pragma once

#include "oci/runtime_config.h"
#include "runtime/seccomp.h"

#include <optional>
#include <string>
#include <string_view>

namespace gantry::runtime {

// A config.json as the start of a process needs it.
struct Configuration {
  oci::RuntimeConfig config;
  // Compiled earlier, from the same text of linux.seccomp. Then `config` has no profile, unless there is more
  // to be taken from it than the program.
  std::optional<SeccompPlan> filter;
};

// `seccomp_cache`: ROOT's folder of compiled filters. linux.seccomp_text is kept either way where there was a
// profile to compile, since it is the key that its filter is stored by. Errors: parse_runtime_config's.
Result<Configuration> parse_configuration(std::string_view text, std::string_view source,
                                          const std::string& seccomp_cache);

// crun's annotation: a system call that libseccomp doesn't know is an error.
bool refuses_unknown_calls(const oci::RuntimeConfig& config);

}  // namespace gantry::runtime
