#pragma once

#include "cgroups/cgroup.h"
#include "cgroups/systemd_manager.h"
#include "oci/linux_resources.h"

#include <map>
#include <string>

// A container's cgroup made and kept by systemd: a scope with Delegate=yes. The limits are told to systemd,
// so that it doesn't undo them at its next reload, and then written to the cgroup's files, which have more of
// them. Nothing else in the project speaks to systemd.
namespace gantry::cgroups {

struct ScopeRequest {
  UnitPlace place;
  ManagerKind manager = ManagerKind::system;
  pid_t pid = 0;  // that the scope is made around: systemd drops a scope without processes
  std::string description;
  std::map<std::string, std::string> annotations;  // org.systemd.property.NAME
  Enforcement enforcement = Enforcement::required;
};

// Makes the scope with the process in it, and limits it. When anything fails the scope is stopped again.
// Errors: exists, when a unit of that name runs; unavailable; those of Cgroup::adopt.
Result<Cgroup> create_scope(const ScopeRequest& request, const oci::LinuxResources& resources);

// Tells systemd of the change (SetUnitProperties), then Cgroup::update.
Result<void> update_scope(const std::string& unit, ManagerKind manager, Cgroup& cgroup,
                          const oci::LinuxResources& resources, Enforcement enforcement);

// Moves a process into the scope, or into the cgroup below it at `sub` ("" or "/path"), as systemd may where
// the caller may not (AttachProcessesToUnit).
Result<void> attach_to_scope(const std::string& unit, ManagerKind manager, const std::string& sub, pid_t pid);

// Kills what lives in it, then StopUnit and ResetFailedUnit. Missing: fine.
Result<void> remove_scope(const std::string& unit, ManagerKind manager);

}  // namespace gantry::cgroups
