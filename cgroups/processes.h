#pragma once

#include "base/result.h"

#include <chrono>
#include <string>
#include <sys/types.h>
#include <vector>

// Steps on a cgroup's folder that cgroup.cpp is made of. `directory` is absolute; a missing one is fine
// except where said.
namespace gantry::cgroups {

// Waits until `key` of cgroup.events has the value. poll(2) with POLLPRI. Errors: timeout, not_found.
Result<void> wait_for_event(const std::string& directory, const std::string& key, uint64_t value,
                            std::chrono::milliseconds limit);

Result<std::vector<pid_t>> processes_below(const std::string& directory);
Result<void> signal_all(const std::string& directory, int signal);
Result<void> set_frozen(const std::string& directory, bool frozen, std::chrono::milliseconds limit);
Result<void> kill_all(const std::string& directory);
Result<void> wait_until_empty(const std::string& directory, std::chrono::milliseconds limit);
Result<void> remove_folders(const std::string& directory, std::chrono::milliseconds limit);

}  // namespace gantry::cgroups
