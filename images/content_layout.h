#pragma once

#include "base/fd.h"
#include "base/result.h"
#include "oci/digest.h"

#include <optional>
#include <string>

// Where a content store keeps what; for this folder only.
namespace gantry::images::layout {

std::string blob(const std::string& root, const oci::Digest& digest);
std::string ingest(const std::string& root, const std::string& name);
std::string collection_lock(const std::string& root);
std::string blob_lock(const std::string& root, const oci::Digest& digest);

// Makes a file and locks it (flock). A sweep of another process may take the file between the two; then it is
// made again. Errors: exists.
Result<UniqueFd> make_locked(const std::string& path);
// Opens and locks; empty when another process holds the lock. Errors: not_found.
Result<std::optional<UniqueFd>> try_lock_existing(const std::string& path);
// Removes all files of a folder whose name begins with `prefix` and that no one has locked.
Result<void> sweep_unlocked(const std::string& folder, const std::string& prefix);

}  // namespace gantry::images::layout
