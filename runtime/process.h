#pragma once

#include "base/fd.h"
#include "oci/runtime_config.h"
#include "runtime/capabilities.h"
#include "runtime/failure.h"
#include "runtime/labels.h"
#include "runtime/scheduling.h"
#include "runtime/seccomp_listener.h"

#include <map>
#include <string>
#include <sys/resource.h>
#include <vector>

namespace gantry::runtime {

struct RlimitPlan {
  const char* name = "";  // "RLIMIT_NOFILE"
  int resource = 0;
  rlimit limit{};
  bool raises_hard = false;  // above our own hard limit, which needs CAP_SYS_RESOURCE
};

struct TerminalPlan {
  bool wanted = false;
  UniqueFd socket;    // gets one message: the pty's name, the master in SCM_RIGHTS
  uint16_t rows = 0;  // 0: leave the size alone
  uint16_t columns = 0;
  bool bind_console = true;  // /dev/console of the container becomes the terminal
};

// All that the child needs to become the program, prepared by the parent. The pointers point into the
// strings.
struct ProcessPlan {
  std::vector<std::string> arguments;
  std::vector<std::string> environment;
  std::vector<char*> argv;
  std::vector<char*> envp;              // with a free slot for HOME before the final null
  std::vector<std::string> candidates;  // where the program may be, in the order of PATH
  bool find_home = false;
  std::string cwd;
  bool make_cwd = true;  // when it isn't there
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
  bool keeps_ids = false;     // they are ours already
  bool keeps_groups = false;  // those of our caller, instead of `groups`
  mode_t umask = 022;
  CapabilitySets capabilities;
  bool no_new_privileges = false;
  SeccompPlan seccomp;
  ListenerPlan listener;
  bool filtered = false;  // the filter was installed early
  std::vector<RlimitPlan> rlimits;
  std::optional<int> oom_score_adj;
  std::optional<unsigned long> personality;
  std::optional<int> io_priority;
  std::optional<SchedulerPlan> scheduler;
  AffinityPlan affinity;          // exec sets it, around the join of the container's cgroup
  bool schedules_itself = false;  // the runtime hasn't the rights over another user's process
  std::optional<MemoryPolicyPlan> memory_policy;
  std::string keyring;  // "_ses.ID"; empty: keep the caller's
  LabelsPlan labels;
  TerminalPlan terminal;
  uint64_t ignored_signals = 0;  // by our caller; bit N - 1 is signal N
  unsigned preserved = 0;        // descriptors 3 … 2 + preserved stay open

  ProcessPlan() = default;
  ProcessPlan(ProcessPlan&&) = default;
  ProcessPlan& operator=(ProcessPlan&&) = default;
};

struct ProcessContext {
  std::string source = "config.json";  // of the process object, and its place there, for errors
  std::string place = "$.process";
  std::string keyring;
  unsigned preserved = 0;
  std::string seccomp_cache;
  std::optional<SeccompPlan>* filter = nullptr;  // the container's, if it was compiled before; it is taken
  const oci::Linux* container = nullptr;         // whose filter, personality and memory policy apply; or none
  std::string container_source = "config.json";
  bool keeps_groups = false;
};

// crun's annotation run.oci.keep_original_groups, which podman's --group-add keep-groups sets.
bool keeps_original_groups(const std::map<std::string, std::string>& annotations);

// Errors: invalid and unsupported, with runc's texts where callers know them. `warnings` gets what is left
// out.
Result<ProcessPlan> plan_process(const oci::Process& process, const ProcessContext& context,
                                 std::vector<std::string>& warnings);

// In the child: no signal is blocked or ignored, whatever our caller had.
Failure reset_signals(const ProcessPlan& plan);

// In the child, before the root becomes read-only: the working directory, made if it isn't there.
Failure make_cwd(const ProcessPlan& plan, BorrowedFd root);

// In the child. prepare: all up to where the program's own privileges are in force (but for CAP_SYS_ADMIN
// while a filter must still be installed), and the program is found. finish: the filter, the last limits, and
// execve(2); it returns only when that failed. `root` is the container's /.
Failure prepare_process(ProcessPlan& plan, BorrowedFd root, BorrowedFd procfs);
Failure finish_process(const ProcessPlan& plan);

// In the parent: what must not be done with the child's privileges. `pid` as this process sees it.
Result<void> apply_from_outside(const ProcessPlan& plan, pid_t pid, bool user_namespace, BorrowedFd procfs);

}  // namespace gantry::runtime
