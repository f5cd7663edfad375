#pragma once

#include <sched.h>
#include <sys/mount.h>

namespace gantry::runtime {

// From here on this process has mounts of its own, so that a test can compare all of them: the host's change
// whenever others work there.
inline bool take_own_mounts() {
  return ::unshare(CLONE_NEWNS) == 0 && ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}

}  // namespace gantry::runtime
