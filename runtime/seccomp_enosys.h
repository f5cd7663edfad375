#pragma once

#include "oci/seccomp_profile.h"

#include <linux/filter.h>
#include <vector>

namespace gantry::runtime {

// Puts instructions before `program` that answer ENOSYS to system calls with a number above all that the
// profile names, for each of its architectures: those are newer than the profile, and a default of EPERM
// would keep programs from falling back to older calls.
void add_enosys_stub(const oci::SeccompProfile& profile, std::vector<sock_filter>& program);

}  // namespace gantry::runtime
