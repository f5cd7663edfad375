#include "builder/tree_copy.h"

#include "base/files.h"
#include "base/root_path.h"
#include "builder/paths.h"
#include "engine/copy_tree.h"
#include "engine/root_files.h"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace gantry::builder {
namespace {

Result<void> set_time(BorrowedFd fd, timespec mtime) {
  const std::array<timespec, 2> times = {mtime, mtime};
  if (utimensat(AT_FDCWD, descriptor_path(fd).c_str(), times.data(), 0) == 0) return {};
  return Error::system(errno, "set times");
}

}  // namespace

bool TreeCopy::is_folder(const std::string& path) const {
  return bool(open_in_root(root_, path, O_PATH | O_DIRECTORY));
}

Result<UniqueFd> TreeCopy::make_parent(const std::string& destination) {
  const Owner owner = rules_.owner.value_or(Owner{});
  return engine::make_directories_in_root(root_, split_path(destination).first, owner.uid, owner.gid);
}

Result<BorrowedFd> TreeCopy::parent_of(const std::string& path) {
  const std::string parent = split_path(path).first;
  if (parent.empty()) return BorrowedFd(base_);
  if (parent_ && parent == parent_path_) return BorrowedFd(parent_);
  parent_ = open_resolved(base_, parent.c_str(), O_PATH | O_DIRECTORY, no_links);
  parent_path_ = parent;
  if (parent_) return BorrowedFd(parent_);
  const int error = errno;
  if (error == ELOOP || error == ENOTDIR) {
    return Error::make(ErrorKind::invalid, "cannot copy to non-directory: {}", parent);
  }
  return Error::system(error, "open {}", parent);
}

Result<void> TreeCopy::make_room(BorrowedFd parent, const std::string& name, const std::string& path) {
  struct stat info {};
  if (fstatat(parent.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    return errno == ENOENT ? Result<void>() : Error::system(errno, "stat {}", path);
  }
  if (S_ISDIR(info.st_mode)) {
    return Error::make(ErrorKind::invalid, "cannot replace folder {} by a file", path.empty() ? name : path);
  }
  if (unlinkat(parent.get(), name.c_str(), 0) == 0) return {};
  return Error::system(errno, "replace {}", path);
}

// The folder that the tree's entries go into. A new one is 0755 whatever the source's is, as docker makes it.
Result<void> TreeCopy::enter_folder(const std::string& destination) {
  const Owner owner = rules_.owner.value_or(Owner{});
  auto folder = engine::make_directories_in_root(root_, destination, owner.uid, owner.gid);
  if (!folder && folder.error().system_errno() == ENOTDIR) {
    return Error::make(ErrorKind::invalid, "cannot copy to non-directory: {}", destination);
  }
  base_ = TRY(std::move(folder));
  return {};
}

Result<void> TreeCopy::copy(const SourceRoot& source, const SourceTree& tree,
                            const std::string& destination) {
  parent_.reset();
  linked_.clear();
  folder_times_.clear();
  base_name_.clear();
  if (tree.is_folder()) {
    TRY(enter_folder(destination));
  } else {
    TRY(enter_parent(destination));
  }
  for (const auto& entry : tree.entries) {
    if (entry.path.empty() && tree.is_folder()) continue;
    TRY(copy_entry(source, tree, entry).context("{}", entry.path.empty() ? tree.name : entry.path));
  }
  for (auto each = folder_times_.rbegin(); each != folder_times_.rend(); ++each) {
    const UniqueFd folder =
        open_resolved(base_, each->first.empty() ? "." : each->first.c_str(), O_PATH, no_links);
    if (folder) TRY(set_time(folder, each->second));
  }
  return {};
}

// A link that has the destination's name is followed, as a process in the root would.
Result<void> TreeCopy::enter_parent(const std::string& destination) {
  const auto place = place_in_root(root_, destination);
  const std::string path = place ? "/" + *place : destination;
  base_ = TRY(make_parent(path));
  base_name_ = split_path(path).second;
  return {};
}

Result<void> TreeCopy::copy_entry(const SourceRoot& source, const SourceTree& tree, const TreeEntry& entry) {
  if (S_ISDIR(entry.info.st_mode)) return copy_folder(source, tree, entry);
  const std::string path = entry.path.empty() ? base_name_ : entry.path;
  const BorrowedFd parent = TRY(parent_of(path));
  const std::string name = split_path(path).second;
  TRY(make_room(parent, name, path));
  if (TRY(link_again(entry, path))) return {};
  if (S_ISREG(entry.info.st_mode)) {
    const UniqueFd from = TRY(open_entry(source, tree, entry, O_RDONLY));
    const UniqueFd to(
        openat(parent.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!to) return Error::system(errno, "make file {}", path);
    TRY(engine::copy_file_data(from, to, entry.info.st_size));
    TRY(set_metadata(source, tree, entry, to));
    return set_time(to, entry.info.st_mtim);
  }
  return copy_other(source, tree, entry, parent, name);
}

Result<void> TreeCopy::copy_folder(const SourceRoot& source, const SourceTree& tree, const TreeEntry& entry) {
  const BorrowedFd parent = TRY(parent_of(entry.path));
  const std::string name = split_path(entry.path).second;
  if (mkdirat(parent.get(), name.c_str(), 0755) != 0) {
    if (errno != EEXIST) return Error::system(errno, "make folder {}", entry.path);
    struct stat info {};
    if (fstatat(parent.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      return Error::system(errno, "stat {}", entry.path);
    }
    if (S_ISDIR(info.st_mode)) return {};  // it keeps its own mode and owner
    return Error::make(ErrorKind::invalid, "cannot copy to non-directory: {}", entry.path);
  }
  const UniqueFd to(openat(parent.get(), name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!to) return Error::system(errno, "open folder {}", entry.path);
  folder_times_.emplace_back(entry.path, entry.info.st_mtim);
  return set_metadata(source, tree, entry, to);
}

Result<void> TreeCopy::copy_other(const SourceRoot& source, const SourceTree& tree, const TreeEntry& entry,
                                  BorrowedFd parent, const std::string& name) {
  if (S_ISCHR(entry.info.st_mode) && entry.info.st_rdev == 0) {
    return Error::make(ErrorKind::unsupported, "a whiteout can't be copied");
  }
  const int made = S_ISLNK(entry.info.st_mode)
                       ? symlinkat(entry.link.c_str(), parent.get(), name.c_str())
                       : mknodat(parent.get(), name.c_str(), entry.info.st_mode, entry.info.st_rdev);
  if (made != 0) return Error::system(errno, "make {}", name);
  const UniqueFd to(openat(parent.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!to) return Error::system(errno, "open {}", name);
  TRY(set_metadata(source, tree, entry, to));
  return set_time(to, entry.info.st_mtim);
}

// A further name of a file that this copy has made already.
Result<bool> TreeCopy::link_again(const TreeEntry& entry, const std::string& path) {
  if (entry.info.st_nlink < 2) return false;
  const auto [first, is_new] = linked_.try_emplace({entry.info.st_dev, entry.info.st_ino}, path);
  if (is_new) return false;
  const UniqueFd file = open_resolved(base_, first->second.c_str(), O_PATH | O_NOFOLLOW, no_links);
  if (!file) return Error::system(errno, "open {}", first->second);
  const BorrowedFd parent = TRY(parent_of(path));
  if (linkat(file.get(), "", parent.get(), split_path(path).second.c_str(), AT_EMPTY_PATH) == 0) return true;
  return Error::system(errno, "link {}", path);
}

// Owner before mode: a change of owner clears the set-id bits.
Result<void> TreeCopy::set_metadata(const SourceRoot& source, const SourceTree& tree, const TreeEntry& entry,
                                    BorrowedFd to) {
  const Owner owner = rules_.owner.value_or(Owner{entry.info.st_uid, entry.info.st_gid});
  if (fchownat(to.get(), "", owner.uid, owner.gid, AT_EMPTY_PATH) != 0) return Error::system(errno, "chown");
  if (S_ISLNK(entry.info.st_mode)) return {};
  uint32_t mode = entry.info.st_mode & 07777U;
  if (rules_.mode) mode = rules_.mode->apply(mode, S_ISDIR(entry.info.st_mode));
  const std::string path = descriptor_path(to);
  if (chmod(path.c_str(), mode) != 0) return Error::system(errno, "chmod");
  const UniqueFd from = TRY(open_entry(source, tree, entry, O_PATH));
  for (const auto& [name, value] : TRY(read_xattrs(descriptor_path(from)))) {
    if (setxattr(path.c_str(), name.c_str(), value.data(), value.size(), 0) != 0) {
      return Error::system(errno, "set extended attribute {}", name);
    }
  }
  return {};
}

Result<void> TreeCopy::write_file(const std::string& content, const std::string& destination,
                                  timespec mtime) {
  TRY(enter_parent(destination));
  TRY(make_room(base_, base_name_, destination));
  const UniqueFd to(
      openat(base_.get(), base_name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!to) return Error::system(errno, "make file {}", destination);
  TRY(write_all(to, content));
  const Owner owner = rules_.owner.value_or(Owner{});
  if (fchown(to.get(), owner.uid, owner.gid) != 0) return Error::system(errno, "chown {}", destination);
  const uint32_t mode = rules_.mode ? rules_.mode->apply(0644, false) : 0644;
  if (fchmod(to.get(), mode) != 0) return Error::system(errno, "chmod {}", destination);
  return set_time(to, mtime);
}

}  // namespace gantry::builder
