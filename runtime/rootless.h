#pragma once

#include <string>

namespace gantry::runtime {

// --rootless: whether the caller has the host's root rights. runc's and crun's flag of that name.
enum class Rootless { automatic, yes, no };

// automatic: the effective user isn't 0; or it is, in a user namespace that isn't the host's, with the
// $XDG_RUNTIME_DIR of another user, as podman calls a runtime. (Root of an unprivileged system container has
// the means of root there. And the host's root pays no system call for the question.)
bool is_rootless(Rootless choice);

// Whether this process has the ids and rights of the host, by the inode of its user namespace (an id map may
// look like the host's and be another's). namespaces(7).
bool in_initial_user_namespace();

// Where states are, without --root: /run/gantry-oci; $XDG_RUNTIME_DIR/gantry-oci for a user, made with the
// sticky bit, or else systemd-tmpfiles tidies it away. Empty: a user without $XDG_RUNTIME_DIR.
std::string default_root(Rootless choice);

}  // namespace gantry::runtime
