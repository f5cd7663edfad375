#pragma once

#include "base/fd.h"
#include "base/result.h"

#include <cstdint>
#include <string_view>
#include <sys/types.h>

// What is read and written below /proc goes through one descriptor that is known to be procfs: a mount of the
// host or of a container may be anything (CVE-2019-16884, CVE-2025-52881).

namespace gantry::runtime {

// A procfs of our own (fsopen(2), mounted nowhere), or the host's /proc checked to be procfs and its root.
Result<UniqueFd> open_trusted_procfs();

// What /proc/self/status says of this process: one file instead of a call for each signal and capability.
// proc_pid_status(5).
struct OwnStatus {
  uint64_t ignored_signals = 0;  // bit N - 1 is signal N
  uint64_t permitted = 0;        // capabilities
  uint64_t bounding = 0;
  bool is_root = false;  // all user and group ids are 0
};
Result<OwnStatus> read_own_status(BorrowedFd procfs);

// One write(2) to the file `name` of process `pid`, as this process sees it.
Result<void> write_process_file(BorrowedFd procfs, pid_t pid, const char* name, std::string_view data);

}  // namespace gantry::runtime
