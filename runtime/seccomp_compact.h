#pragma once

#include <linux/filter.h>
#include <vector>

namespace gantry::runtime {

// The same decisions in fewer instructions: where a classic BPF program compares its accumulator with one
// constant after the other, as libseccomp's filters do with the number of the call, the chain becomes a
// binary search over ranges. The kernel translates, compiles and tries out every instruction whenever a
// filter is installed, so that a start and an exec become cheaper with each that is gone. A program with
// instructions that libseccomp doesn't make, or that the result would not be shorter than, comes back as it
// was. Source: Linux Documentation/networking/filter.rst, seccomp(2).
std::vector<sock_filter> compact_filter(const std::vector<sock_filter>& program);

}  // namespace gantry::runtime
