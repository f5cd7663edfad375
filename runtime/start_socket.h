#pragma once

#include "base/fd.h"
#include "runtime/store.h"

namespace gantry::runtime {

// ROOT/ID/start.sock, which init listens on until `start`. It replaces runc's exec.fifo: a connection tells
// at once that init is dead, and carries back what startContainer hooks and execve say.
Result<UniqueFd> listen_for_start(const ContainerFolder& folder);
Result<UniqueFd> connect_for_start(const ContainerFolder& folder);

}  // namespace gantry::runtime
