#pragma once

#include "base/fd.h"
#include "base/lock.h"
#include "base/result.h"
#include "oci/digest.h"

#include <set>
#include <string>
#include <vector>

namespace gantry::images {

struct LayerInfo {
  oci::Digest chain_id;
  oci::Digest diff_id;
  uint64_t size = 0;
};

Result<LayerInfo> parse_layer_info(std::string_view text, std::string_view source);
std::string to_json_text(const LayerInfo& layer);

// A layer that is being unpacked: a folder layers/tmp-…, locked (flock) and removed again unless committed.
class LayerDraft {
 public:
  LayerDraft(LayerDraft&& other) noexcept;
  LayerDraft& operator=(LayerDraft&&) = delete;
  LayerDraft(const LayerDraft&) = delete;
  LayerDraft& operator=(const LayerDraft&) = delete;
  ~LayerDraft();

  std::string diff() const { return path_ + "/diff"; }
  // Makes what is below safe (syncfs) and names it: from then on the layer exists, whole. One that exists
  // already is kept.
  Result<void> commit(const LayerInfo& layer);

 private:
  friend class LayerStore;
  LayerDraft(std::string path, UniqueFd lock) : path_(std::move(path)), lock_(std::move(lock)) {}
  std::string path_;
  UniqueFd lock_;
};

// ROOT/layers/HEX/{diff/,layer.json}, HEX being the chain id's digits. Folders 0700, but diff has the mode of
// the layer's own root.
class LayerStore {
 public:
  // Removes drafts whose writer is dead.
  static Result<LayerStore> open(const std::string& root);

  bool exists(const oci::Digest& chain_id) const;
  Result<LayerInfo> info(const oci::Digest& chain_id) const;  // Errors: not_found
  std::string diff(const oci::Digest& chain_id) const;
  Result<LayerDraft> begin() const;
  // Held by who makes the layer, so that two pulls make it once.
  Result<FileLock> lock(const oci::Digest& chain_id) const;
  // Takes a layer away, for a better one in its place. Containers that run on it keep it. Missing: fine.
  Result<void> drop(const oci::Digest& chain_id) const;
  // Removes all layers that aren't in `used`; says how many bytes that was.
  Result<uint64_t> keep_only(const std::set<oci::Digest>& used) const;

 private:
  explicit LayerStore(std::string root) : root_(std::move(root)) {}
  std::string folder(const oci::Digest& chain_id) const;
  std::string root_;
};

}  // namespace gantry::images
