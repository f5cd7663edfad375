#pragma once

#include "base/fd.h"
#include "oci/runtime_config.h"
#include "runtime/failure.h"
#include "runtime/mounts.h"

#include <string>
#include <vector>

namespace gantry::runtime {

struct DevicePlan {
  std::string path;
  mode_t mode = 0;  // with the type bits
  dev_t number = 0;
  uid_t uid = 0;
  gid_t gid = 0;
  UniqueFd tree;       // in a user namespace, where mknod is refused: a node that is bound
  bool asked = false;  // by linux.devices
};

struct DevicesPlan {
  bool populate = true;  // false when /dev is a bind from the host: nothing is made in it
  bool kcore = false;    // the host has /proc/kcore, so /dev/core is made
  bool by_root = false;  // user and group 0 make the nodes
  std::vector<DevicePlan> nodes;
};

// The default devices and those of linux.devices. Errors name the device.
Result<DevicesPlan> plan_devices(const oci::RuntimeConfig& config, bool user_namespace);
// Their paths.
std::vector<std::string> device_paths(const oci::RuntimeConfig& config);

// Makes nodes, the links /dev/fd, stdin, stdout, stderr, core, and /dev/ptmx. /dev is opened once, without
// following symbolic links, and used by its descriptor (CVE-2026-41579). When one of `mounts`, by whatever
// name, put a folder of the host there, nothing is made.
Failure make_devices(BorrowedFd root, UniqueFd dev, const DevicesPlan& plan,
                     const std::vector<MountPlan>& mounts);

}  // namespace gantry::runtime
