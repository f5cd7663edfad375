#pragma once

#include "cgroups/cgroup.h"
#include "oci/runtime_config.h"
#include "runtime/create.h"
#include "runtime/store.h"

#include <optional>
#include <string>

namespace gantry::runtime {

// Decides where a container's cgroup goes. Without systemd, record.cgroup: linux.cgroupsPath if absolute,
// below /gantry-oci if relative, /gantry-oci/ID if empty; rootless, that gantry-oci is beside our own cgroup,
// or below it where only that is the user's. With systemd, record.scope and user_scope. Neither: none is made
// (Limits::none). Errors: invalid; exists, when processes that aren't ours live there.
Result<void> place_cgroup(const oci::Linux& config, const GlobalOptions& global, Record& record);

// Places a container's cgroup and makes it. The folder's record says so before it is made, so that `delete`
// finds it whatever happens next, and no longer when none was made. Empty with systemd's driver, which needs
// a process first, and when the host has no cgroup2, or a user may not make one, and nothing was asked of it.
Result<std::optional<cgroups::Cgroup>> make_container_cgroup(const oci::Linux& config,
                                                             const GlobalOptions& global,
                                                             const ContainerFolder& folder, Record& record);

// Whether a container may go without a cgroup that the kernel refuses: rootless, with no limits asked for.
bool can_do_without_cgroup(const oci::LinuxResources& resources, const GlobalOptions& global);

// Makes record.scope around the process, and sets record.cgroup. Errors: exists, when such a unit runs.
Result<cgroups::Cgroup> create_scope(Record& record, const oci::Linux& config, pid_t pid, Limits limits);

// Changes limits, by systemd where it has the cgroup. Warns of what isn't enforced.
Result<void> update_cgroup(const Record& record, cgroups::Cgroup& cgroup,
                           const oci::LinuxResources& resources, Limits limits);

// Moves a process into the container's cgroup, or the one below it at `sub` ("" or "/path"): what the kernel
// doesn't let us do, systemd may, where it has the cgroup.
Result<void> attach_to_cgroup(const Record& record, const cgroups::Cgroup& cgroup, const std::string& sub,
                              pid_t pid);

// Ends what lives in it and removes it, and systemd's scope.
Result<void> remove_cgroup(const Record& record, std::chrono::milliseconds limit);

// Whether anything in it limits a container.
bool has_limits(const oci::LinuxResources& resources);

// " (killed by its memory limit)" when the kernel says so, for errors.
std::string oom_note(const std::optional<cgroups::Cgroup>& cgroup);

}  // namespace gantry::runtime
