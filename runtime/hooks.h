#pragma once

#include "base/result.h"
#include "oci/runtime_config.h"
#include "oci/state.h"
#include "runtime/failure.h"

#include <map>
#include <string>
#include <sys/types.h>
#include <vector>

namespace gantry::runtime {

struct HookPlan {
  std::string path;
  std::vector<std::string> arguments;
  std::vector<std::string> environment;
  std::vector<char*> argv;
  std::vector<char*> envp;
  int timeout = 0;          // seconds; 0: none
  std::string output_file;  // appended to, instead of the pipe to us; empty: none
  std::string error_file;
  std::string name;  // "createRuntime hook #0"

  HookPlan() = default;
  HookPlan(HookPlan&&) = default;
  HookPlan& operator=(HookPlan&&) = default;
};

// The state on a hook's stdin, without the pid: that is seen differently on both sides of a pid namespace.
struct HookState {
  std::string before;
  std::string after;
};

// Of the annotations, run.oci.hooks.stdout and run.oci.hooks.stderr (crun's) name host files that take what
// the hooks print; not for startContainer, whose hooks see the container's files. Errors: invalid.
using Annotations = std::map<std::string, std::string>;
Result<std::vector<HookPlan>> plan_hooks(const char* stage, const std::vector<oci::Hook>& hooks,
                                         const Annotations& annotations);
HookState plan_hook_state(const oci::State& state);

// Runs them one after another, in this process' namespaces, between clone and exec. `environment`: for hooks
// that have none of their own; nullptr: ours, as with runc. A hook that fails, or passes its time limit and
// is killed, is a Failure that quotes what it printed; the text lies in static memory.
Failure run_hooks_in_init(const std::vector<HookPlan>& hooks, const HookState& state,
                          char* const* environment = nullptr);

// The same as a Result, in the parent.
Result<void> run_hooks_here(const std::vector<HookPlan>& hooks, const oci::State& state);

}  // namespace gantry::runtime
