#pragma once

#include "base/fd.h"
#include "base/result.h"

#include <functional>
#include <string>
#include <vector>

namespace gantry::netns {

// Makes a network namespace with its loopback up, kept alive by a bind of it at RUN_ROOT/netns/ID, and
// returns that path. RUN_ROOT/netns becomes a private mount. One that is there already under this name is
// replaced. Needs CAP_SYS_ADMIN.
Result<std::string> create_namespace(const std::string& run_root, const std::string& container_id);

std::string namespace_path(const std::string& run_root, const std::string& container_id);

// Unmounts and unlinks it. Missing: fine. The kernel tears the namespace down when its last process is gone.
Result<void> remove_namespace(const std::string& run_root, const std::string& container_id);

// Removes those that no live container owns; returns their ids.
Result<std::vector<std::string>> sweep_namespaces(
    const std::string& run_root, const std::function<bool(const std::string& container_id)>& is_live);

// Runs `work` on a thread of its own inside the namespace: sockets made there stay in it.
// Errors: whatever `work` returns, or that the namespace can't be entered. setns(2).
Result<void> run_in_namespace(BorrowedFd network_namespace, const std::function<Result<void>()>& work);

}  // namespace gantry::netns
