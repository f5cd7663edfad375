#pragma once

#include "base/result.h"
#include "netns/subnet.h"

namespace gantry::netns {

// Deletes the tracked connections that `address` takes part in, translated or not. They outlive a changed
// port map, above all for UDP: packets of an old flow would go on to the dead address, or to whoever gets it
// next. A host without connection tracking has none. ctnetlink.
Result<void> forget_connections(Ipv4 address);

}  // namespace gantry::netns
