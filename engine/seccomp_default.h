#pragma once

#include "oci/seccomp_profile.h"

#include <string>
#include <vector>

namespace gantry::engine {

// What a container may call unless told otherwise: an allow list of the calls that programs need, with those
// that only a capability makes useful added for who has it. Everything else fails with EPERM (clone3 with
// ENOSYS, so that libc falls back to clone, whose flags can be looked at).
oci::SeccompProfile default_seccomp_profile(const std::vector<std::string>& capabilities);

}  // namespace gantry::engine
