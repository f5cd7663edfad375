#include "engine/build_root.h"

#include "base/log.h"
#include "base/random.h"
#include "engine/context.h"
#include "engine/root_files.h"
#include "images/overlay.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gantry::engine {

namespace {

// The root's own owner and mode are the upper's in an overlay.
Result<void> copy_root_attributes(const std::string& from, const std::string& to) {
  struct stat info {};
  if (stat(from.c_str(), &info) != 0) return Error::system(errno, "stat {}", from);
  if (chown(to.c_str(), info.st_uid, info.st_gid) != 0) return Error::system(errno, "chown {}", to);
  if (chmod(to.c_str(), info.st_mode & 07777) != 0) return Error::system(errno, "chmod {}", to);
  return {};
}

Result<void> make_mount_point(BorrowedFd root, const BuildMountTarget& target) {
  const size_t slash = target.path.rfind('/');
  const UniqueFd parent = TRY(make_directories_in_root(root, target.path.substr(0, slash)));
  const std::string name = target.path.substr(slash + 1);
  const int made = target.file ? mknodat(parent.get(), name.c_str(), S_IFREG | 0644, 0)
                               : mkdirat(parent.get(), name.c_str(), 0755);
  if (made == 0 || errno == EEXIST) return {};
  return Error::system(errno, "make mount point {}", target.path);
}

}  // namespace

BuildRoot::BuildRoot(const Context& context, std::string id, FileLock lock)
    : context_(&context),
      id_(std::move(id)),
      folder_(context.layout.container(id_).directory),
      lock_(std::move(lock)) {}

BuildRoot::BuildRoot(BuildRoot&& other) noexcept
    : context_(other.context_),
      id_(std::move(other.id_)),
      folder_(std::exchange(other.folder_, {})),
      lock_(std::move(other.lock_)),
      network_(std::exchange(other.network_, {})) {}

BuildRoot::~BuildRoot() {
  if (folder_.empty()) return;
  Result<void> done = unmount();
  const std::string removed = context_->layout.removed(id_);
  if (done && rename(folder_.c_str(), removed.c_str()) == 0) done = remove_tree(removed);
  if (!done) log::warning("clean-up failed step={} error=\"{}\"", id_, done.error().message());
}

// Made here, below all layers, the places don't get into the root's upper: a layer shouldn't hold an empty
// /etc/resolv.conf because something was mounted there.
Result<std::vector<std::string>> BuildRoot::make_mount_points(const BuildRootOptions& options) const {
  const std::string base = folder_ + "/mount-points";
  TRY(make_directories(base, 0755));
  if (!options.for_run) return std::vector<std::string>{base};
  for (const auto* name : {"dev", "proc", "sys", "etc"}) TRY(make_directories(join_path(base, name), 0755));
  for (const auto* name : {"resolv.conf", "hosts", "hostname"}) {
    TRY(write_file(format("{}/etc/{}", base, name), "", 0644));
  }
  const UniqueFd root = TRY(open_root(base));
  for (const auto& target : options.mount_targets) TRY(make_mount_point(root, target));
  return std::vector<std::string>{base};
}

Result<void> BuildRoot::mount(const BuildRootOptions& options) {
  for (const auto* name : {"upper", "rootfs"}) TRY(make_directories(join_path(folder_, name), 0755));
  for (const auto* name : {"work", "scratch"}) TRY(make_directories(join_path(folder_, name)));
  if (!options.lower.empty()) TRY(copy_root_attributes(options.lower.front(), upper()));
  images::OverlayMount overlay;
  overlay.lower = options.lower;
  if (options.for_run || overlay.lower.empty()) {
    for (auto& folder : TRY(make_mount_points(options))) overlay.lower.push_back(std::move(folder));
  }
  overlay.upper = upper();
  overlay.work = join_path(folder_, "work");
  overlay.volatile_upper = true;
  return images::mount_overlay(overlay, rootfs()).context("mount the root of a build step");
}

Result<void> BuildRoot::unmount() {
  ContainerRecord record;
  record.id = id_;
  record.spec.network = network_.empty() ? "host" : network_;
  network_.clear();
  return tear_down(*context_, record);
}

Result<BuildRoot> Engine::make_build_root(const BuildRootOptions& options) const {
  std::string id = random_hex(32);
  auto lock = TRY(claim_directory(*context_, id));
  BuildRoot root(*context_, std::move(id), std::move(lock));
  TRY(root.mount(options));
  return root;
}

}  // namespace gantry::engine
