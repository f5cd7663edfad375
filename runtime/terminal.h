#pragma once

#include "base/fd.h"
#include "runtime/failure.h"
#include "runtime/process.h"

namespace gantry::runtime {

// In the child, inside the container's root: opens a pty of the container's own devpts, by descriptors only,
// makes it the controlling terminal and stdio, binds /dev/console, and sends the master over the socket.
Failure set_up_terminal(const TerminalPlan& plan, BorrowedFd root);

// Connects to the socket (SOCK_STREAM) at `path`, which is `what` in errors: "console socket". Paths longer
// than a socket address go through /proc/self/fd.
Result<UniqueFd> connect_stream_socket(const char* what, const std::string& path);

// Sends a pty's master over a socket, as set_up_terminal does.
Result<void> pass_terminal(BorrowedFd socket, BorrowedFd master);

// The master that set_up_terminal sent to the other end of a socket pair.
Result<UniqueFd> receive_terminal(BorrowedFd socket);

}  // namespace gantry::runtime
