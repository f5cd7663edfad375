#pragma once

#include "base/fd.h"
#include "base/result.h"
#include "cgroups/host.h"
#include "cgroups/statistics.h"

#include <chrono>
#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

namespace gantry::oci {
struct LinuxResources;
}

namespace gantry::cgroups {

enum class Enforcement {
  required,     // a limit that the host can't enforce is an error
  best_effort,  // it is left out and listed in Cgroup::dropped()
};

// A limit that was asked for and isn't enforced.
struct DroppedLimit {
  std::string json_path;   // "$.linux.resources.memory.limit"
  std::string controller;  // "memory"
  std::string reason;      // "controller memory is missing: /sys/fs/cgroup/unified offers hugetlb"
};

// The events that the kernel counts or flags for a cgroup. Counters are those of the cgroup and all below it.
struct Events {
  bool populated = false;   // cgroup.events: it or a child has a live process
  bool frozen = false;      // cgroup.events
  uint64_t oom = 0;         // memory.events: allocations that met the limit and could not be satisfied
  uint64_t oom_kill = 0;    // memory.events: processes killed by the OOM killer
  uint64_t memory_max = 0;  // memory.events: times that usage met memory.max
  uint64_t pids_max = 0;    // pids.events: forks refused by pids.max
};

// A cgroup v2 folder. A value that names it: the destructor doesn't touch the kernel's object;
// only remove() removes it. Paths are relative to the cgroup2 mount as this process sees it: "/gantry/ID".
// ".." and empty components are refused.
//
// Sources: kernel Documentation/admin-guide/cgroup-v2.rst; runtime-spec config-linux.md "Control groups".
class Cgroup {
 public:
  // Makes the folder and its missing parents, enables on the way down the controllers that `resources` needs
  // (and those of cpu, memory, pids, io that the host has, for statistics, where that is possible), and
  // writes the limits while it is empty. When anything fails, what was made is removed again. Errors:
  // unsupported (no cgroup2; a limit whose controller is missing, naming the controller, the JSON path and
  // what the host offers; never in best_effort), exists (the cgroup exists and has processes, or is frozen),
  // invalid (a value breaks a rule), denied.
  static Result<Cgroup> create(const std::string& path, const oci::LinuxResources& resources,
                               Enforcement enforcement);
  // Limits a cgroup that somebody else made, in the same way. It stays when that fails.
  static Result<Cgroup> adopt(const std::string& path, const oci::LinuxResources& resources,
                              Enforcement enforcement);
  // Errors: not_found, unsupported (no cgroup2).
  static Result<Cgroup> open(const std::string& path);
  // The cgroup that process `pid` is in, by /proc/PID/cgroup.
  static Result<Cgroup> of_process(pid_t pid);

  const std::string& path() const { return path_; }            // relative to the mount
  const std::string& directory() const { return directory_; }  // absolute
  // For clone3's CLONE_INTO_CGROUP: O_DIRECTORY | O_RDONLY. (O_PATH is refused by the kernel.) The first call
  // gives away the one that create used.
  Result<UniqueFd> open_directory();
  // Removes the cgroup at `path` if nothing lives in it or below, and says whether it is gone.
  static bool remove_empty(const std::string& path);
  // Limits left out in best_effort by create or the last update.
  const std::vector<DroppedLimit>& dropped() const { return dropped_; }

  // Moves a process in, by cgroup.procs. Memory already charged stays where it was.
  Result<void> attach(pid_t pid) const;
  // Writes what is set in `resources`, leaves the rest. With memory.checkBeforeUpdate a limit below the
  // current usage is an error of kind conflict, instead of a kill.
  Result<void> update(const oci::LinuxResources& resources, Enforcement enforcement = Enforcement::required);
  // Gives the folder and the files of /sys/kernel/cgroup/delegate to a user, so that root of a container's
  // user namespace manages it. chown(2).
  Result<void> delegate_to(uid_t uid, gid_t gid) const;

  // cgroup.freeze, and waits for "frozen 1" (or 0). Errors: timeout.
  Result<void> freeze(std::chrono::milliseconds limit = std::chrono::seconds(10)) const;
  Result<void> thaw(std::chrono::milliseconds limit = std::chrono::seconds(10)) const;

  // SIGKILL to all processes of the cgroup and those below it, frozen or not: cgroup.kill (Linux 5.14),
  // before that freeze, signal each, thaw. Doesn't wait. Missing: fine.
  Result<void> kill() const;
  // Sends `signal` to each process, the cgroups below included.
  Result<void> signal(int signal) const;
  // Pids of the cgroup and those below it.
  Result<std::vector<pid_t>> processes() const;
  // Until nothing lives in it: poll(2) on cgroup.events. Errors: timeout. Missing: fine.
  Result<void> wait_empty(std::chrono::milliseconds limit) const;

  // Removes it and the cgroups below, deepest first, waiting up to `limit` for dying processes to go.
  // Parents stay. Missing: fine. Errors: conflict when processes live in it.
  Result<void> remove(std::chrono::milliseconds limit = std::chrono::seconds(10)) const;

  Result<Events> events() const;
  Result<Statistics> statistics() const;

 private:
  Cgroup(std::string path, std::string directory)
      : path_(std::move(path)), directory_(std::move(directory)) {}

  std::string path_;
  std::string directory_;
  UniqueFd folder_;
  std::vector<DroppedLimit> dropped_;
};

}  // namespace gantry::cgroups
