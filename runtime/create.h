#pragma once

#include "base/fd.h"
#include "oci/runtime_config.h"
#include "runtime/rootless.h"
#include "runtime/store.h"

#include <optional>
#include <string>

namespace gantry::runtime {

enum class Limits { required, best_effort, none };

// The flags before the command.
struct GlobalOptions {
  std::string root;  // as default_root() has it, unless given
  std::string log;
  bool log_json = false;
  bool debug = false;
  bool log_only = false;  // errors go to `log` alone
  Limits limits = Limits::required;
  bool systemd_cgroup = false;  // cgroups are systemd's scopes
  Rootless rootless = Rootless::automatic;
};

struct CreateOptions {
  std::string id;
  std::string bundle;          // absolute
  std::string config;          // absolute path; empty: BUNDLE/config.json
  std::string console_socket;  // empty: none
  std::string pidfd_socket;    // gets a pidfd of init; empty: none
  std::string pid_file;
  bool no_pivot = false;
  bool no_new_keyring = false;
  unsigned preserve_fds = 0;
  bool detached = true;      // false: `run` in the foreground, which relays a terminal itself
  bool starts_here = false;  // by start_created, soon; false: by the command `start`, through start.sock
};

struct Created {
  ContainerFolder folder;
  Record record;
  oci::RuntimeConfig config;
  UniqueFd pidfd;
  UniqueFd terminal;  // the master, when not detached and process.terminal is set
  UniqueFd channel;   // to init, with starts_here
};

// Makes the container up to where init waits for its start: state on disk, pid file written. On failure
// nothing is left: no process, no cgroup, no folder.
Result<Created> create_container(const GlobalOptions& global, const CreateOptions& options);

// start_container for one made with `starts_here`, whose init waits on the channel that it was made over.
Result<void> start_created(const Created& created);
// The same without waiting for the program, for who waits for its end anyway: then start_failure says whether
// it ran at all. Not with poststart hooks, whose turn comes in between.
Result<void> let_go(const Created& created);
Result<void> start_failure(const Created& created);
// Lets init go on: startContainer hooks, the program. Errors: runc's texts; what init reports.
Result<void> start_container(ContainerFolder& folder, const Record& record);

}  // namespace gantry::runtime
