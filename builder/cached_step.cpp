#include "base/files.h"
#include "builder/stage_builder.h"

#include <sys/stat.h>

namespace gantry::builder {
namespace {

constexpr std::string_view key_version = "gantry-build-1";

struct RootAttributes {
  uint32_t mode = 0;
  uint32_t uid = 0;
  uint32_t gid = 0;
  bool operator==(const RootAttributes&) const = default;
};

Result<RootAttributes> root_attributes(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return Error::system(errno, "stat {}", path);
  return RootAttributes{info.st_mode, info.st_uid, info.st_gid};
}

}  // namespace

Key StageBuilder::step_key(std::string_view kind) const {
  Key key;
  key.add(key_version).add(kind).add(state_.chain().string()).add(state_.config.platform.string());
  const auto& epoch = shared_.options.source_date_epoch;
  key.add(epoch ? std::to_string(*epoch) : "");
  return key;
}

Result<images::CachedStep> StageBuilder::keep_changes(engine::BuildRoot& root, const oci::Digest& key,
                                                      const StepRun& run) {
  auto& store = shared_.engine.images();
  const RootAttributes before = run.root.lower.empty() ? RootAttributes{S_IFDIR | 0755, 0, 0}
                                                       : TRY(root_attributes(run.root.lower.front()));
  const bool root_changed = TRY(root_attributes(root.upper())) != before;
  images::CachedStep step;
  step.key = key;
  step.created = shared_.now;
  step.changed = root_changed || !TRY(list_directory(root.upper())).empty();
  if (step.changed) {
    images::NewLayer layer{
        root.upper(), state_.chain(), {shared_.options.source_date_epoch, root_changed, {}}, true};
    const auto stored = TRY(store.add_layer(layer, lease_));
    step.blob = stored.blob;
    step.diff_id = stored.diff_id;
    step.chain_id = stored.chain_id;
    step.size = stored.size;
  }
  TRY(store.keep_step(step));
  return step;
}

Result<void> StageBuilder::cached(StepRun run, Progress::Step& step, const Work& work) {
  std::optional<images::CachedStep> result;
  if (shared_.options.use_cache) result = shared_.engine.images().find_step(run.key, lease_);
  if (result) {
    step.cached();
  } else {
    if (!run.on_empty_root) run.root.lower = lower_folders(state_);
    auto root = TRY(shared_.engine.make_build_root(run.root));
    TRY(work(root));
    TRY(root.unmount());
    result = TRY(keep_changes(root, run.key, run));
    shared_.anything_new = true;
    step.done();
  }
  if (result->changed) {
    state_.layers.push_back({result->blob, result->diff_id, result->chain_id, result->size});
  }
  state_.add_history(std::move(run.created_by), !result->changed, result->created);
  return {};
}

}  // namespace gantry::builder
