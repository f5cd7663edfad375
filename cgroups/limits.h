#pragma once

#include "base/result.h"
#include "cgroups/cgroup.h"
#include "cgroups/settings.h"

#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace gantry::cgroups {

// What is to be written to a cgroup: known before anything is made.
struct LimitPlan {
  std::vector<Setting> settings;
  std::set<std::string> controllers;  // that they need, all offered by the host
  bool guards_devices = false;
  bool devices_asked = false;  // the rules say more than the default: going without is a limit dropped
  std::vector<uint64_t> device_program;  // empty while guarding: nothing is denied
  std::vector<DroppedLimit> dropped;
};

// Errors: invalid; unsupported unless best_effort: a limit whose controller the host lacks.
Result<LimitPlan> plan_limits(const oci::LinuxResources& resources, const HostSupport& host,
                              Enforcement enforcement);

// Writes them to the cgroup's folder, which is open as `cgroup` too. Returns what was dropped, the plan's own
// included.
Result<std::vector<DroppedLimit>> write_limits(const std::string& directory, BorrowedFd cgroup,
                                               LimitPlan plan, Enforcement enforcement);

// memory.checkBeforeUpdate. Errors: conflict when more is in use than the new limit.
Result<void> check_memory_update(const std::string& directory, const oci::LinuxResources& resources);

}  // namespace gantry::cgroups
