#pragma once

#include <cerrno>

namespace gantry::runtime {

// Goes with ENOSYS. Since 5.12: mount_setattr(2). Since 5.11: close_range(2) with CLOSE_RANGE_CLOEXEC.
inline constexpr const char* least_kernel =
    "gantry-oci needs Linux 5.12 or newer, and no filter that hides its system calls";

// What failed between clone and exec, where nothing is allocated: `what` and `on` are literals or strings of
// the plan that the parent made. "%s" in `what` stands for `on`.
struct [[nodiscard]] Failure {
  const char* what = nullptr;  // nullptr: nothing failed
  int error = 0;               // errno, appended as text; 0: none
  const char* on = "";

  explicit operator bool() const { return what != nullptr; }
};

// Returns the Failure of a step from the enclosing function, if it failed.
#define STEP(...)                                                      \
  do {                                                                 \
    if (const Failure gantry_step = (__VA_ARGS__)) return gantry_step; \
  } while (false)

}  // namespace gantry::runtime
