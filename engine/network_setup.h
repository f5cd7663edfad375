#pragma once

#include "engine/context.h"

#include <string>

namespace gantry::engine {

struct NetworkPlace {
  std::string namespace_path;  // empty: the host's
  NetworkInfo info;            // as attached to the bridge
  std::string shared_with;     // id of the container whose namespace it is
  bool host = false;
};

// The network namespace by the record's mode, attached and with its ports published; written to network.json.
// Errors: conflict for a port in use, or when the container whose network is shared doesn't run.
Result<NetworkPlace> set_up_network(const Context& context, const ContainerRecord& record);

// Takes it back. May be repeated.
Result<void> take_down_network(const Context& context, const ContainerRecord& record);

}  // namespace gantry::engine
