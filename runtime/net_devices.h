#pragma once

#include "base/fd.h"
#include "oci/runtime_config.h"
#include "runtime/place.h"

#include <map>
#include <string>

// linux.netDevices: interfaces of the runtime's network namespace that become the container's.
// Source: runtime-spec config-linux.md "Network Devices".

namespace gantry::runtime {

// Rules that need no kernel. `place` is the configuration's "$.linux". Errors: invalid and unsupported, with
// runc's texts.
Result<void> check_net_devices(const oci::Linux& config, const Place& place);

// Moves each into the network namespace of `netns`, under its new name, with its MTU, its MAC address and its
// permanent addresses of global scope, and sets it up. They aren't taken back: virtual ones end with the
// namespace, others fall back to the host's. Errors: not_found, exists (the name is taken inside; the device
// stays where it is). rtnetlink(7).
Result<void> move_net_devices(const std::map<std::string, oci::NetDevice>& devices, BorrowedFd netns);

}  // namespace gantry::runtime
