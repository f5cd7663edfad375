#pragma once

#include "base/fd.h"
#include "oci/runtime_config.h"
#include "runtime/failure.h"
#include "runtime/place.h"

#include <string>

// Labels of the Linux security modules.

namespace gantry::runtime {

struct LabelsPlan {
  std::string apparmor_profile;  // empty: none
  std::string selinux_label;
};

// Errors: unsupported, with runc's texts, where the host hasn't the module.
Result<LabelsPlan> plan_labels(const oci::Process& process, const Place& place);

// linux.mountLabel. Errors: unsupported, where SELinux isn't enabled.
Result<void> check_mount_label(const std::string& label, const Place& place);

// restore's --lsm-profile ("apparmor:NAME" or "selinux:LABEL") and --lsm-mount-context; empty: not given.
// Errors: invalid, or unsupported where the host hasn't the module, naming the flag.
Result<void> check_lsm_flags(const std::string& profile, const std::string& mount_context);

// In the child. The key label before a session keyring is made, the other just before the change of user: it
// holds from execve(2) on. Written through `procfs`, which is known to be that (CVE-2019-16884).
Failure set_key_label(const LabelsPlan& plan, BorrowedFd procfs);
Failure set_exec_labels(const LabelsPlan& plan, BorrowedFd procfs);

}  // namespace gantry::runtime
