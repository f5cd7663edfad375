#pragma once

#include "runtime/configuration.h"
#include "runtime/create.h"
#include "runtime/process.h"

namespace gantry::runtime {

struct ExecOptions {
  std::string source = "config.json";  // of the process object, and its place there, for errors
  std::string place = "$.process";
  std::string console_socket;
  std::string pidfd_socket;  // gets a pidfd of the process; empty: none
  std::string pid_file;
  std::string sub_cgroup;  // below the container's; empty: its own
  bool ignore_paused = false;
  bool detached = false;
  unsigned preserve_fds = 0;
};

struct Executed {
  pid_t pid = 0;
  UniqueFd pidfd;
  UniqueFd terminal;  // the master, when neither detached nor given a console socket
};

// Runs one more process in a container: its namespaces, cgroup, root and seccomp filter, the process' own
// user, capabilities and limits. Takes the filter out of `configuration`. Returns once the program runs.
// Errors: runc's texts.
Result<Executed> execute(const GlobalOptions& global, const Record& record, Configuration& configuration,
                         const oci::Process& process, const ExecOptions& options);

}  // namespace gantry::runtime
