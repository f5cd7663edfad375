#pragma once

#include "base/fd.h"
#include "base/result.h"
#include "oci/runtime_config.h"

#include <cstdint>
#include <string_view>
#include <sys/types.h>

// What is read and written below /proc goes through one descriptor that is known to be procfs: a mount of the
// host or of a container may be anything (CVE-2019-16884, CVE-2025-52881).

namespace gantry::runtime {

// A procfs of our own (fsopen(2), mounted nowhere), or the host's /proc checked to be procfs and its root. It
// costs a superblock: only for who needs it.
Result<UniqueFd> open_trusted_procfs();

// Whether it is a procfs, and its root: no folder of one that was bound there.
bool is_procfs_root(BorrowedFd folder);

// Whether a container's start, or a process in it, reads or writes below /proc. Its sysctls may be written
// through its own /proc just after that was mounted.
bool needs_procfs(const oci::RuntimeConfig& config);
bool needs_procfs(const oci::Process& process, const oci::Linux& container);
bool mounts_plain_proc(const oci::RuntimeConfig& config);  // in a mount namespace that nobody else is in

// What /proc/self/status says of this process: one file instead of a call for each signal and capability.
// proc_pid_status(5).
struct OwnStatus {
  uint64_t ignored_signals = 0;  // bit N - 1 is signal N
  uint64_t permitted = 0;        // capabilities
  uint64_t bounding = 0;
  bool is_root = false;  // all user and group ids are 0
};
Result<OwnStatus> read_own_status();

// One write(2) to the file `name` of process `pid`, as this process sees it.
Result<void> write_process_file(BorrowedFd procfs, pid_t pid, const char* name, std::string_view data);

}  // namespace gantry::runtime
