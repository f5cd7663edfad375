#pragma once

#include "runtime/create.h"
#include "runtime/criu.h"

#include <string>

namespace gantry::runtime {

struct RestoreOptions {
  CriuOptions criu;
  std::string id;
  std::string bundle;          // absolute
  std::string console_socket;  // gets the master of a restored terminal; empty: none
  std::string pid_file;
  bool detached = false;
  std::string lsm_profile;        // "apparmor:NAME" or "selinux:LABEL", instead of the dumped one
  std::string lsm_mount_context;  // instead of the dumped mounts' context
};

// Makes the container of the images anew, from the bundle: folder, cgroup, and its processes, which run on
// where they were dumped. Its init is our child. On failure nothing is left. createContainer and
// startContainer hooks don't run again: what they did in the container is restored.
Result<Created> restore_container(const GlobalOptions& global, const RestoreOptions& options);

}  // namespace gantry::runtime
