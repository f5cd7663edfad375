#include "cli/system_json.h"

#include "oci/descriptor.h"

#include <nlohmann/json.hpp>
#include <sys/utsname.h>
#include <unistd.h>

namespace gantry::cli {

namespace {

using Json = nlohmann::ordered_json;

utsname kernel() {
  utsname name{};
  uname(&name);
  return name;
}

int64_t system_value(int name) {
  return static_cast<int64_t>(sysconf(name));
}

bool enforces(const engine::HostLimits& limits, std::string_view controller) {
  for (const auto& limit : limits.limits) {
    if (limit.controller == controller) return limit.enforced;
  }
  return false;
}

}  // namespace

std::string version_json() {
  const auto platform = oci::Platform::host();
  const Json client = {{"Version", GANTRY_VERSION}, {"Os", platform.os}, {"Arch", platform.architecture}};
  Json server = client;
  server["KernelVersion"] = kernel().release;
  return Json{{"Client", client}, {"Server", server}}.dump();
}

std::string info_json(const HostFacts& facts) {
  const utsname name = kernel();
  const auto& limits = facts.limits;
  const Json info = {{"Containers", facts.containers},
                     {"ContainersRunning", facts.running},
                     {"ContainersPaused", 0},
                     {"ContainersStopped", facts.containers - facts.running},
                     {"Images", facts.images},
                     {"Driver", "overlay"},
                     {"MemoryLimit", enforces(limits, "memory")},
                     {"CpuCfsPeriod", enforces(limits, "cpu")},
                     {"CpuCfsQuota", enforces(limits, "cpu")},
                     {"CPUShares", enforces(limits, "cpu")},
                     {"CPUSet", enforces(limits, "cpuset")},
                     {"PidsLimit", enforces(limits, "pids")},
                     {"CgroupDriver", "cgroupfs"},
                     {"CgroupVersion", "2"},
                     {"KernelVersion", name.release},
                     {"OSType", "linux"},
                     {"Architecture", name.machine},
                     {"NCPU", system_value(_SC_NPROCESSORS_ONLN)},
                     {"MemTotal", system_value(_SC_PHYS_PAGES) * system_value(_SC_PAGESIZE)},
                     {"DockerRootDir", facts.options.root},
                     {"Name", name.nodename},
                     {"ServerVersion", GANTRY_VERSION},
                     {"DefaultRuntime", "gantry-oci"},
                     {"RunRoot", facts.options.run_root},
                     {"Runtime", facts.options.runtime},
                     {"Monitor", facts.options.monitor}};
  return info.dump();
}

}  // namespace gantry::cli
