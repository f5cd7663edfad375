#pragma once

#include "base/result.h"
#include "netns/lease.h"
#include "netns/subnet.h"

#include <string>

namespace gantry::netns {

struct BridgeSettings {
  std::string name;
  std::string subnet;  // empty: choose
  uint32_t mtu = 1500;
  std::string state_directory;  // written into the interface's alias: whose bridge it is
};

// Makes the bridge if it is missing, repairs it if it is half made, and returns its subnet. `in_use`: leases
// exist, so the subnet may not change. The lease store's lock must be held.
// Errors: conflict (another state directory's bridge, or a host route overlaps the subnet), system.
Result<Subnet> ensure_bridge(const BridgeSettings& settings, const LeaseStore& store, bool in_use);

// Errors: conflict when an interface of this name exists that isn't a bridge, or that belongs to another
// state directory which still exists.
Result<void> check_bridge_owner(const BridgeSettings& settings);

}  // namespace gantry::netns
