#pragma once

#include "base/result.h"
#include "oci/descriptor.h"

#include <optional>
#include <string>
#include <vector>

namespace gantry::images {

// What a build step came to: a layer, or nothing changed.
struct CachedStep {
  oci::Digest key;      // of all that the step depends on
  std::string created;  // RFC 3339: when it was done
  bool changed = false;
  oci::Descriptor blob;  // of the layer, and so on; only if changed
  oci::Digest diff_id;
  oci::Digest chain_id;
  uint64_t size = 0;
};

Result<CachedStep> parse_cached_step(std::string_view text, std::string_view source);
std::string to_json_text(const CachedStep& step);

// ROOT/build-cache/HEX.json, a file for each step, HEX being its key's digits. Written under the index's
// lock, as the store's other small files.
class BuildCacheFiles {
 public:
  explicit BuildCacheFiles(std::string root) : root_(std::move(root)) {}
  std::string folder() const { return root_ + "/build-cache"; }

  std::optional<CachedStep> find(const oci::Digest& key) const;  // marks it as used now
  Result<void> put(const CachedStep& step) const;
  Result<std::vector<CachedStep>> list() const;  // longest unused first
  Result<void> remove(const oci::Digest& key) const;

 private:
  std::string path(const oci::Digest& key) const { return folder() + "/" + key.hex() + ".json"; }
  std::string root_;
};

}  // namespace gantry::images
