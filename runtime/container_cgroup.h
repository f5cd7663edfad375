#pragma once

#include "cgroups/cgroup.h"
#include "oci/runtime_config.h"
#include "runtime/create.h"

#include <optional>
#include <string>

namespace gantry::runtime {

// Where a container's cgroup goes, below the cgroup2 mount: linux.cgroupsPath if absolute, below /gantry-oci
// if relative, /gantry-oci/ID if empty. Empty: none is made (Limits::none). Errors: invalid; exists, when
// processes that aren't ours live there.
Result<std::string> cgroup_path(const oci::Linux& config, const std::string& id, Limits limits);

// Empty when the host has no cgroup2 and nothing was asked of it.
Result<std::optional<cgroups::Cgroup>> create_cgroup(const std::string& path,
                                                     const oci::LinuxResources& resources, Limits limits);

// Whether anything in it limits a container.
bool has_limits(const oci::LinuxResources& resources);

// " (killed by its memory limit)" when the kernel says so, for errors.
std::string oom_note(const std::optional<cgroups::Cgroup>& cgroup);

}  // namespace gantry::runtime
