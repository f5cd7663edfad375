#include "builder/mounts.h"

#include "base/files.h"
#include "base/root_path.h"
#include "builder/tree_copy.h"

#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

namespace gantry::builder {
namespace {

constexpr size_t secret_limit = 500 * 1024;  // BuildKit's
constexpr std::chrono::hours cache_wait{24};

std::string cache_root(const engine::Engine& engine) {
  return join_path(engine.options().root, "build-mounts");
}

// The id may be any text: its digest is the folder's name.
std::string cache_folder(const engine::Engine& engine, const std::string& id) {
  return join_path(cache_root(engine), oci::digest_of(id).hex());
}

Result<std::optional<std::string>> read_secret(const BuildOptions& options, const RunMount& mount) {
  const auto found = options.secrets.find(mount.id);
  if (found == options.secrets.end()) {
    if (!mount.required) return std::optional<std::string>();
    return Error::make(ErrorKind::not_found, "secret {}: not given (--secret id={},src=FILE gives it)",
                       mount.id, mount.id);
  }
  if (found->second.environment.empty()) {
    return std::optional(TRY(read_file(found->second.file, secret_limit).context("secret {}", mount.id)));
  }
  const char* value = getenv(found->second.environment.c_str());
  if (value != nullptr) return std::optional(std::string(value));
  return Error::make(ErrorKind::not_found, "secret {}: variable {} isn't set", mount.id,
                     found->second.environment);
}

uint64_t tree_size(const std::string& folder) {
  uint64_t size = 0;
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator each(folder, error), end; !error && each != end;
       each.increment(error)) {
    struct stat info {};
    if (lstat(each->path().c_str(), &info) == 0 && S_ISREG(info.st_mode))
      size += static_cast<uint64_t>(info.st_size);
  }
  return size;
}

}  // namespace

Result<RunMounts::Planned> RunMounts::plan_one(RunMount mount, const StageState& state,
                                               const FindState& find) {
  const Variables variables = state.variables();
  for (auto* text : {&mount.target, &mount.source, &mount.id})
    *text = TRY(expand(*text, variables, state.escape));
  if (!mount.target.empty()) {
    mount.target = "/" + clean_relative(state.absolute(mount.target));
    if (mount.target == "/") return Error(ErrorKind::invalid, "--mount: the target can't be \"/\"");
  }
  Planned planned;
  planned.mount = mount;
  if (mount.type == RunMountType::secret) planned.secret = TRY(read_secret(options_, mount));
  if (mount.type != RunMountType::bind) return planned;
  if (!mount.from.empty()) {
    planned.from = TRY(find(mount.from));
    planned.digest = planned.from.chain().string();
    return planned;
  }
  planned.tree = TRY(read_source_tree(context_, mount.source, {}));
  planned.digest = TRY(digest_of_tree(context_, *planned.tree, Owners::ignored)).hex();
  return planned;
}

Result<void> RunMounts::plan(const std::vector<RunMount>& mounts, const StageState& state,
                             const FindState& find) {
  for (const auto& mount : mounts) planned_.push_back(TRY(plan_one(mount, state, find)));
  return {};
}

// Caches' and secrets' contents don't count, as with docker.
void RunMounts::add_to(Key& key) const {
  for (const auto& [mount, from, tree, digest, secret] : planned_) {
    key.add(std::to_string(static_cast<int>(mount.type))).add(mount.target).add(mount.source).add(mount.id);
    key.add(digest).add(mount.environment).add(mount.read_only ? "ro" : "rw");
  }
}

std::vector<engine::BuildMountTarget> RunMounts::targets() const {
  std::vector<engine::BuildMountTarget> found;
  for (const auto& planned : planned_) {
    const bool given = planned.mount.type != RunMountType::secret || planned.secret;
    if (planned.mount.target.empty() || !given) continue;
    const bool file =
        planned.mount.type == RunMountType::secret || (planned.tree && !planned.tree->is_folder());
    found.push_back({planned.mount.target, file});
  }
  return found;
}

// A copy of the context's files, without what is ignored: what is written into it stays in it.
Result<engine::MountSpec> RunMounts::open_bind(const Planned& planned, const std::string& scratch,
                                               const OpenState& open) {
  engine::MountSpec bind{.destination = planned.mount.target, .read_only = planned.mount.read_only};
  if (planned.tree) {
    TRY(make_directories(scratch, 0755));
    const UniqueFd folder = TRY(open_file(scratch, O_RDONLY | O_DIRECTORY));
    TreeCopy copy(folder, {Owner{}, {}});
    TRY(copy.copy(context_, *planned.tree, "/bound"));
    bind.source = scratch + "/bound";
    return bind;
  }
  roots_.push_back(TRY(open(planned.from)));
  // Nothing runs in this root, so the place stays what it is.
  const auto place = TRY(place_in_root(roots_.back().source.folder, planned.mount.source));
  bind.source = roots_.back().root.rootfs() + "/" + place;
  return bind;
}

Result<engine::MountSpec> RunMounts::open_cache(const Planned& planned) {
  const RunMount& mount = planned.mount;
  const std::string folder = cache_folder(engine_, mount.id);
  TRY(make_directories(cache_root(engine_)));
  locks_.push_back(TRY(FileLock::acquire(folder + ".lock",
                                         mount.locked ? LockMode::exclusive : LockMode::shared, cache_wait)));
  if (mkdir(folder.c_str(), 0755) == 0) {
    if (chown(folder.c_str(), mount.uid, mount.gid) != 0) return Error::system(errno, "chown {}", folder);
    if (chmod(folder.c_str(), mount.mode.value_or(0755)) != 0)
      return Error::system(errno, "chmod {}", folder);
  } else if (errno != EEXIST) {
    return Error::system(errno, "make folder {}", folder);
  }
  return engine::MountSpec{.source = folder, .destination = mount.target, .read_only = mount.read_only};
}

Result<void> RunMounts::open_secret(const Planned& planned, const std::string& scratch,
                                    engine::BuildStepSpec& spec) {
  if (!planned.secret) return {};
  const RunMount& mount = planned.mount;
  if (!mount.environment.empty()) spec.environment.push_back(mount.environment + "=" + *planned.secret);
  if (mount.target.empty()) return {};
  TRY(make_directories(scratch));
  const std::string file = scratch + "/secret";
  TRY(write_file(file, *planned.secret, 0400));
  if (chown(file.c_str(), mount.uid, mount.gid) != 0) return Error::system(errno, "chown {}", file);
  if (chmod(file.c_str(), mount.mode.value_or(0400)) != 0) return Error::system(errno, "chmod {}", file);
  spec.mounts.push_back({.source = file, .destination = mount.target, .read_only = true});
  return {};
}

Result<void> RunMounts::open_one(const Planned& planned, const std::string& scratch,
                                 engine::BuildStepSpec& spec, const OpenState& open) {
  switch (planned.mount.type) {
    case RunMountType::bind:
      spec.mounts.push_back(TRY(open_bind(planned, scratch, open)));
      return {};
    case RunMountType::cache:
      spec.mounts.push_back(TRY(open_cache(planned)));
      return {};
    case RunMountType::secret:
      return open_secret(planned, scratch, spec);
    case RunMountType::tmpfs:
      break;
  }
  engine::MountSpec tmpfs{.type = engine::MountType::tmpfs, .destination = planned.mount.target};
  tmpfs.options = {"exec"};
  if (planned.mount.size) tmpfs.options.push_back(format("size={}", *planned.mount.size));
  spec.mounts.push_back(std::move(tmpfs));
  return {};
}

Result<void> RunMounts::open(const engine::BuildRoot& root, engine::BuildStepSpec& spec,
                             const OpenState& open) {
  for (size_t i = 0; i < planned_.size(); ++i) {
    TRY(open_one(planned_[i], format("{}/mount-{}", root.scratch(), i), spec, open)
            .context("--mount {}", planned_[i].mount.target));
  }
  return {};
}

Result<uint64_t> remove_cache_mounts(const engine::Engine& engine) {
  const std::string root = cache_root(engine);
  uint64_t freed = 0;
  TRY(remove_tree(join_path(engine.options().root, "build-contexts")));
  if (!path_exists(root)) return freed;
  for (const auto& name : TRY(list_directory(root))) {
    if (!name.ends_with(".lock")) continue;
    const std::string folder = join_path(root, name.substr(0, name.size() - 5));
    const auto lock = TRY(FileLock::try_acquire(join_path(root, name)));
    if (!lock) continue;  // a build uses it
    freed += tree_size(folder);
    TRY(remove_tree(folder));
  }
  return freed;
}

}  // namespace gantry::builder
