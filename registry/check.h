#pragma once

#include "base/result.h"

#include <cstdint>
#include <string>
#include <vector>

namespace gantry::registry {

struct CheckResult {
  size_t repositories = 0;
  size_t manifests = 0;
  size_t tags = 0;
  size_t blobs = 0;
  uint64_t bytes = 0;               // of blobs, all of which were read
  std::vector<std::string> faults;  // one a line: "repository app: tag v1: …"
};

// Looks through a stopped registry's data folder: blobs against their digests, links of repositories to
// blobs, manifests and what they name, tags, referrers. Removes nothing but what each start of the registry
// does: temporary files of writes that were killed. Errors: not_found when there is no registry in the
// folder; conflict while one is running on it.
Result<CheckResult> check(const std::string& data);

}  // namespace gantry::registry
