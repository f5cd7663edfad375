#pragma once

#include "oci/runtime_config.h"
#include "runtime/place.h"

#include <string>
#include <sys/types.h>

// linux.intelRdt: cache and memory bandwidth by groups of resctrl, a file system of the kernel. Source:
// runtime-spec config-linux.md "IntelRdt"; kernel Documentation/arch/x86/resctrl.rst.

namespace gantry::runtime {

// Where resctrl is mounted: /sys/fs/resctrl, or what /proc/self/mountinfo names. Errors: unsupported, when
// nowhere.
Result<std::string> find_resctrl();

struct RdtPlan {
  std::string root;
  std::string group;         // the folder of the class of service
  std::string monitor;       // of the monitoring group; empty: none
  std::string schemata;      // lines to write; empty: none
  bool makes_group = false;  // it isn't there yet
  bool own_group = false;    // made for this container alone: it goes with it
};

// `root` is find_resctrl's. Errors: invalid and unsupported, with runc's texts.
Result<RdtPlan> plan_rdt(const oci::IntelRdt& config, const std::string& id, const std::string& root,
                         const Place& place);

// Of a container that is there already: its folders alone.
RdtPlan existing_rdt_groups(const oci::IntelRdt& config, const std::string& id, const std::string& root);

// mkdir(2) of what isn't there.
Result<void> make_rdt_groups(const RdtPlan& plan);
// Writes the schemata, and `pid` into the groups.
Result<void> join_rdt_groups(const RdtPlan& plan, pid_t pid);
// For `update`: empty lines stay as they are. Errors: invalid and unsupported, with runc's texts.
Result<void> update_rdt(const RdtPlan& groups, const std::string& l3_cache,
                        const std::string& memory_bandwidth);
// `group` and `monitor` are folders to remove, or empty. Missing: fine.
Result<void> remove_rdt_groups(const std::string& group, const std::string& monitor);

}  // namespace gantry::runtime
