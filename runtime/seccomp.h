#pragma once

#include "base/result.h"
#include "oci/seccomp_profile.h"
#include "runtime/failure.h"

#include <cstdint>
#include <linux/filter.h>
#include <string>
#include <vector>

namespace gantry::runtime {

constexpr size_t longest_program = 4096;  // filters. Source: linux/bpf_common.h, BPF_MAXINSNS

struct SeccompPlan {
  std::vector<sock_filter> program;  // empty: no filter
  unsigned flags = 0;                // SECCOMP_FILTER_FLAG_*
};

// Compiles with libseccomp. A system call newer than all that the profile names gets ENOSYS instead of the
// profile's default errno, so that glibc's fallbacks work. Names that libseccomp doesn't know are skipped.
// Errors: invalid and unsupported, which begin with `path`, the profile's place.
// Source: runtime-spec config-linux.md "Seccomp".
Result<SeccompPlan> compile_seccomp(const oci::SeccompProfile& profile, std::string_view path = "$");

// Whether a listener gets a descriptor: some rule's action is SCMP_ACT_NOTIFY.
bool uses_notify(const oci::SeccompProfile& profile);

Failure install_seccomp(const SeccompPlan& plan);

std::string libseccomp_version();
std::vector<std::string> seccomp_architectures();    // of the specification, that libseccomp knows
std::vector<std::string> seccomp_flags();            // known here
std::vector<std::string> supported_seccomp_flags();  // and by this kernel

}  // namespace gantry::runtime
