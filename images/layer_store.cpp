#include "images/layer_store.h"

#include "base/files.h"
#include "base/random.h"

#include <chrono>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gantry::images {
namespace {

constexpr std::string_view draft_prefix = "tmp-";

// Locks a draft's folder; empty when another process has it, or it has gone.
UniqueFd lock_folder(const std::string& path) {
  auto folder = open_file(path, O_RDONLY | O_DIRECTORY);
  struct stat info {};
  if (!folder || flock(folder->get(), LOCK_EX | LOCK_NB) != 0) return {};
  if (fstat(folder->get(), &info) != 0 || info.st_nlink == 0) return {};
  return std::move(folder).value();
}

Result<void> sweep(const std::string& layers) {
  for (const auto& name : TRY(list_directory(layers))) {
    if (!name.starts_with(draft_prefix)) continue;
    const std::string path = join_path(layers, name);
    if (const UniqueFd lock = lock_folder(path)) TRY(remove_tree(path));
  }
  return {};
}

}  // namespace

LayerDraft::LayerDraft(LayerDraft&& other) noexcept
    : path_(std::exchange(other.path_, {})), lock_(std::move(other.lock_)) {}

LayerDraft::~LayerDraft() {
  if (!path_.empty())
    (void)remove_tree(path_);  // what can't be removed now, the next open's sweep tries again
}

Result<void> LayerDraft::commit(const LayerInfo& layer) {
  TRY(write_file(path_ + "/layer.json", to_json_text(layer)));
  if (syncfs(lock_.get()) != 0) return Error::system(errno, "sync {}", path_);
  const std::string layers = path_.substr(0, path_.rfind('/'));
  const std::string target = join_path(layers, layer.chain_id.hex());
  if (path_exists(target)) return {};
  if (rename(path_.c_str(), target.c_str()) != 0)
    return Error::system(errno, "rename {} to {}", path_, target);
  path_.clear();
  return sync_directory(layers);
}

Result<LayerStore> LayerStore::open(const std::string& root) {
  TRY(make_directories(root + "/layers", 0700));
  TRY(make_directories(root + "/locks", 0700));
  TRY(sweep(root + "/layers"));
  return LayerStore(root);
}

std::string LayerStore::folder(const oci::Digest& chain_id) const {
  return format("{}/layers/{}", root_, chain_id.hex());
}

std::string LayerStore::diff(const oci::Digest& chain_id) const {
  return folder(chain_id) + "/diff";
}

bool LayerStore::exists(const oci::Digest& chain_id) const {
  return path_exists(folder(chain_id));
}

Result<LayerInfo> LayerStore::info(const oci::Digest& chain_id) const {
  const std::string path = folder(chain_id) + "/layer.json";
  const auto text = TRY(read_file(path).context("layer {}", chain_id.string()));
  return parse_layer_info(text, path);
}

Result<LayerDraft> LayerStore::begin() const {
  while (true) {
    const std::string path = format("{}/layers/{}{}", root_, draft_prefix, random_hex(8));
    if (mkdir(path.c_str(), 0700) != 0) return Error::system(errno, "make folder {}", path);
    UniqueFd lock = lock_folder(path);
    if (!lock) continue;  // another process's sweep took it
    LayerDraft draft(path, std::move(lock));
    if (mkdir(draft.diff().c_str(), 0755) != 0) return Error::system(errno, "make folder {}", draft.diff());
    if (chmod(draft.diff().c_str(), 0755) != 0) return Error::system(errno, "chmod {}", draft.diff());
    return draft;
  }
}

Result<FileLock> LayerStore::lock(const oci::Digest& chain_id) const {
  return FileLock::acquire(format("{}/locks/layer-{}", root_, chain_id.hex()), LockMode::exclusive,
                           std::chrono::hours(1));
}

// Renamed first: a kill in the middle leaves a draft for the sweep, never half a layer.
Result<void> LayerStore::drop(const oci::Digest& chain_id) const {
  if (!exists(chain_id)) return {};
  const std::string gone = format("{}/layers/{}{}", root_, draft_prefix, random_hex(8));
  if (rename(folder(chain_id).c_str(), gone.c_str()) != 0) {
    return Error::system(errno, "rename layer {}", chain_id.string());
  }
  return remove_tree(gone);
}

Result<uint64_t> LayerStore::keep_only(const std::set<oci::Digest>& used) const {
  uint64_t freed = 0;
  for (const auto& name : TRY(list_directory(root_ + "/layers"))) {
    const auto chain_id = oci::Digest::parse("sha256:" + name);
    if (!chain_id || used.count(*chain_id) != 0) continue;
    if (const auto layer = info(*chain_id)) freed += layer->size;
    TRY(drop(*chain_id));
    TRY(remove_file(format("{}/locks/layer-{}", root_, name)));
  }
  return freed;
}

}  // namespace gantry::images
