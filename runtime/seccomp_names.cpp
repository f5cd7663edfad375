#include "runtime/seccomp_names.h"

#include <seccomp.h>

namespace gantry::runtime {

Result<void> check_call_names(const oci::SeccompProfile& profile, std::string_view path) {
  for (size_t i = 0; i < profile.syscalls.size(); ++i) {
    for (const auto& name : profile.syscalls[i].names) {
      if (::seccomp_syscall_resolve_name(name.c_str()) != __NR_SCMP_ERROR) continue;
      return Error::make(ErrorKind::invalid, "{}.syscalls[{}]: unknown system call \"{}\"", path, i, name);
    }
  }
  return {};
}

}  // namespace gantry::runtime
