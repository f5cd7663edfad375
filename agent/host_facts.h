#pragma once

#include "base/result.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace gantry::agent {

// MiB of the host's memory: MemTotal of a /proc/meminfo text. Errors: corrupt.
Result<int64_t> memory_mib(std::string_view meminfo);

int64_t logical_cpus();          // those online, sysconf(3)
std::string cpu_architecture();  // "x86_64" or "arm64", uname(2); else the kernel's word

}  // namespace gantry::agent
