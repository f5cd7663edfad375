#pragma once

#include "base/result.h"
#include "oci/seccomp_profile.h"

#include <string_view>

namespace gantry::runtime {

// For the annotation run.oci.seccomp_fail_unknown_syscall: a name that libseccomp doesn't know is an error,
// which begins with `path`, the profile's place. Otherwise such names are skipped.
Result<void> check_call_names(const oci::SeccompProfile& profile, std::string_view path);

}  // namespace gantry::runtime
