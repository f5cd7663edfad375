#include "engine/volumes.h"

#include "base/lock.h"
#include "engine/copy_tree.h"
#include "engine/root_files.h"

#include <fcntl.h>

namespace gantry::engine {

namespace {

std::string volume_path(const Layout& layout, const std::string& name) {
  return join_path(layout.volumes(), name);
}

std::string filled_path(const Layout& layout, const std::string& name) {
  return join_path(volume_path(layout, name), "filled");
}

// Copied into a folder beside it and renamed, so that a crash in the middle leaves the volume unused.
Result<void> copy_content(const std::string& volume, BorrowedFd content) {
  const std::string fresh = join_path(volume, "data.new");
  TRY(remove_tree(fresh));
  TRY(make_directories(fresh, 0755));
  const UniqueFd folder = TRY(open_file(fresh, O_RDONLY | O_DIRECTORY));
  TRY(copy_tree(content, folder));
  TRY(remove_tree(join_path(volume, "data")));
  if (rename(fresh.c_str(), join_path(volume, "data").c_str()) != 0) {
    return Error::system(errno, "rename {}", fresh);
  }
  return {};
}

}  // namespace

std::string volume_data_path(const Layout& layout, const std::string& name) {
  return join_path(volume_path(layout, name), "data");
}

Result<void> ensure_volume(const Layout& layout, const std::string& name) {
  return make_directories(volume_data_path(layout, name), 0755).context("volume {}", name);
}

Result<std::vector<std::string>> list_volumes(const Layout& layout) {
  if (!path_exists(layout.volumes())) return std::vector<std::string>();
  return list_directory(layout.volumes());
}

Result<void> fill_volume(const Layout& layout, const std::string& name, BorrowedFd rootfs,
                         const std::string& destination) {
  if (path_exists(filled_path(layout, name))) return {};
  const std::string volume = volume_path(layout, name);
  const auto lock = TRY(FileLock::acquire(join_path(volume, "lock")));
  if (path_exists(filled_path(layout, name))) return {};
  const auto entries = TRY(list_directory(volume_data_path(layout, name)));
  const auto content = open_in_root(rootfs, destination, O_RDONLY | O_DIRECTORY);
  if (entries.empty() && content) {
    TRY(copy_content(volume, *content).context("volume {}: copy {} of the image", name, destination));
  }
  return write_file(filled_path(layout, name), "");
}

Result<void> remove_volume(const Layout& layout, const std::string& name) {
  return remove_tree(volume_path(layout, name)).context("volume {}", name);
}

}  // namespace gantry::engine
