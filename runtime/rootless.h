#pragma once

#include <string>

namespace gantry::runtime {

// --rootless: whether the caller has the host's root rights. runc's and crun's flag of that name.
enum class Rootless { automatic, yes, no };

// automatic: whether the effective user isn't 0, or the user namespace isn't the host's.
bool is_rootless(Rootless choice);

// Whether this process has the ids and rights of the host, by the inode of its user namespace (an id map may
// look like the host's and be another's). namespaces(7).
bool in_initial_user_namespace();

// Whether systemd's units are to be asked of the user's own manager: rootless, and, for root of a user
// namespace, with a $XDG_RUNTIME_DIR that is another user's (an unprivileged system container has a systemd
// of its own).
bool uses_user_manager(Rootless choice);

// Where states are, without --root: /run/gantry-oci; $XDG_RUNTIME_DIR/gantry-oci for a user, made with the
// sticky bit, or else systemd-tmpfiles tidies it away. Empty: a user without $XDG_RUNTIME_DIR.
std::string default_root(Rootless choice);

}  // namespace gantry::runtime
