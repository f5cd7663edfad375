#include "agent/host_facts.h"

#include "base/text.h"

#include <algorithm>
#include <sys/utsname.h>
#include <unistd.h>

namespace gantry::agent {

Result<int64_t> memory_mib(std::string_view meminfo) {
  constexpr std::string_view name = "MemTotal:";
  for (const auto& line : split(meminfo, '\n')) {
    if (!line.starts_with(name)) continue;
    auto number = trim(std::string_view(line).substr(name.size()));
    number = number.substr(0, number.find(' '));
    return static_cast<int64_t>(TRY(parse_unsigned("/proc/meminfo: MemTotal", number)) / 1024);
  }
  return Error::make(ErrorKind::corrupt, "/proc/meminfo: there is no MemTotal");
}

int64_t logical_cpus() {
  return std::max<int64_t>(::sysconf(_SC_NPROCESSORS_ONLN), 1);
}

std::string cpu_architecture() {
  utsname name{};
  ::uname(&name);
  const std::string machine = name.machine;
  return machine == "aarch64" ? "arm64" : machine;
}

}  // namespace gantry::agent
