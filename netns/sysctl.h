#pragma once

#include "base/result.h"

#include <string>

namespace gantry::netns {

// net.ipv4.ip_forward=1 in the calling thread's network namespace, set if it isn't.
// Errors: unsupported, saying what to do, when it is off and can't be set.
Result<void> ensure_forwarding();

// net.ipv4.conf.BRIDGE.route_localnet=1, without which 127.0.0.1 of the host doesn't reach published ports.
Result<void> ensure_route_localnet(const std::string& bridge);

}  // namespace gantry::netns
