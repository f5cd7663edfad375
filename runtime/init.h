#pragma once

#include "base/fd.h"
#include "runtime/devices.h"
#include "runtime/hooks.h"
#include "runtime/mounts.h"
#include "runtime/namespaces.h"
#include "runtime/process.h"
#include "runtime/rootfs.h"
#include "runtime/sysctl.h"

#include <sys/types.h>

namespace gantry::runtime {

// Everything that a container's init does between clone and exec, prepared before clone.
struct InitPlan {
  NamespacePlan namespaces;
  RootPlan root;
  std::vector<MountPlan> mounts;
  DevicesPlan devices;
  std::vector<std::string> masked_paths;
  std::vector<std::string> readonly_paths;
  UniqueFd null_tree;
  std::string mount_label;
  std::string hostname;
  std::string domainname;
  std::vector<SysctlPlan> sysctls;
  bool parent_turn = false;  // init waits while the parent moves network devices and runs its hooks
  std::vector<HookPlan> create_container;
  std::vector<HookPlan> start_container;
  HookState created;  // what startContainer hooks read
  ProcessPlan process;

  UniqueFd procfs;   // trusted: made by us; empty until the container's own is mounted when it needs no other
  UniqueFd channel;  // to the parent
  UniqueFd start_socket;    // listening; `start` connects. Empty: the start comes over the channel
  bool wait_first = false;  // for id maps, or for being moved into the cgroup
};

struct Spawned {
  pid_t pid = 0;
  UniqueFd pidfd;
  bool in_cgroup = false;  // born in the cgroup
};

// clone3(2) with `flags`, into the cgroup if its folder is given and the kernel allows it. Returns twice: pid
// 0 is the child.
Result<Spawned> spawn(uint64_t flags, const UniqueFd* cgroup);

// Goes on as a process that lives in what was joined and unshared, when clone3 could not do it in one step;
// its parent is the runtime (CLONE_PARENT), which is told the pid. Returns in the new process only.
Failure spawn_again(BorrowedFd channel);

// Joins and makes namespaces, and a session, as far as clone3 left that to do.
Failure enter_namespaces(InitPlan& plan);
// hostname and domainname. sethostname(2), setdomainname(2).
Failure set_names(const InitPlan& plan);
// Waits for `start`, or for `run`, which made it and goes on over the same channel. The connection stays open
// until execve closes it, which is how the other side learns of success. Ends the process if nobody will
// come.
UniqueFd wait_for_start(InitPlan& plan);

// All of the child's side, in create.cpp. Never returns.
[[noreturn]] void run_init(InitPlan& plan);

}  // namespace gantry::runtime
