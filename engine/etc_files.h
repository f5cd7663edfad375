#pragma once

#include "engine/context.h"
#include "engine/network_setup.h"

#include <string>

namespace gantry::engine {

// Writes resolv.conf, hosts and hostname, to be bound into the container's /etc, and returns their folder:
// with a shared network the other container's.
Result<std::string> write_etc_files(const Context& context, const ContainerRecord& record,
                                    const NetworkPlace& place);

}  // namespace gantry::engine
