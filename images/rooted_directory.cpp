#include "images/rooted_directory.h"

#include "base/files.h"
#include "base/root_path.h"
#include "base/text.h"
#include "images/tar_fields.h"

#include <array>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <vector>

namespace gantry::images {
namespace {

constexpr size_t cache_size = 16;
constexpr int link_depth_limit = 40;  // as the kernel's

}  // namespace

RootedPath RootedPath::clean(std::string_view path) {
  std::vector<std::string> parts;
  for (auto& part : split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part != "..")
      parts.push_back(std::move(part));
    else if (!parts.empty())
      parts.pop_back();
  }
  if (parts.empty()) return {};
  RootedPath cleaned;
  cleaned.name = std::move(parts.back());
  parts.pop_back();
  cleaned.parent = join(parts, "/");
  return cleaned;
}

Result<RootedDirectory> RootedDirectory::open(const std::string& path) {
  return RootedDirectory(TRY(open_file(path, O_RDONLY | O_DIRECTORY)));
}

Result<UniqueFd> RootedDirectory::open_at(const std::string& path, int flags) const {
  return open_in_root(root_, path, flags);
}

Result<BorrowedFd> RootedDirectory::parent(const std::string& parent) {
  if (parent.empty()) return BorrowedFd(root_);
  for (auto it = cache_.begin(); it != cache_.end(); ++it) {
    if (it->path != parent) continue;
    cache_.splice(cache_.begin(), cache_, it);
    return BorrowedFd(it->fd);
  }
  auto fd = TRY(open_or_make(parent, 0));
  if (cache_.size() >= cache_size) cache_.pop_back();
  cache_.push_front({parent, std::move(fd)});
  return BorrowedFd(cache_.front().fd);
}

Result<UniqueFd> RootedDirectory::open_or_make(const std::string& path, int depth) {
  auto folder = open_in_root(root_, path, O_RDONLY | O_DIRECTORY);
  if (folder) return folder;
  const int error = folder.error().system_errno();
  if (error == 0) return folder;
  if (error != ENOENT && error != ENOTDIR) return Error::system(error, "open {}", tar::printable(path));
  if (depth > link_depth_limit) return Error(ErrorKind::invalid, "too many symbolic links");
  const auto at = RootedPath::clean(path);
  const auto above = TRY(open_or_make(at.parent, depth));
  auto made = make(above, at.name);
  if (made || made.error().kind() != ErrorKind::exists) return made;
  if (TRY(replace_whiteout(above, at.name))) {
    auto opened = TRY(make(above, at.name));
    TRY(set_opaque(opened));
    return opened;
  }
  TRY(make_link_target(above, path, at, depth));
  return open_in_root(root_, path, O_RDONLY | O_DIRECTORY);
}

Result<UniqueFd> RootedDirectory::make(BorrowedFd above, const std::string& name) {
  if (mkdirat(above.get(), name.c_str(), 0755) != 0)
    return Error::system(errno, "make folder {}", tar::printable(name));
  ++made_;
  UniqueFd folder(openat(above.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder) return Error::system(errno, "open {}", tar::printable(name));
  // The umask may have taken bits away.
  if (fchmod(folder.get(), 0755) != 0) return Error::system(errno, "chmod {}", tar::printable(name));
  return folder;
}

Result<bool> RootedDirectory::replace_whiteout(BorrowedFd above, const std::string& name) {
  struct stat info {};
  if (fstatat(above.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    return Error::system(errno, "stat {}", tar::printable(name));
  }
  if (!is_whiteout(info)) return false;
  if (unlinkat(above.get(), name.c_str(), 0) != 0)
    return Error::system(errno, "remove {}", tar::printable(name));
  return true;
}

// `path` is a symbolic link to something that isn't there, as /var/run is in a layer that doesn't hold /run.
Result<void> RootedDirectory::make_link_target(BorrowedFd parent, const std::string& path,
                                               const RootedPath& at, int depth) {
  std::array<char, 4096> target{};
  const ssize_t size = readlinkat(parent.get(), at.name.c_str(), target.data(), target.size());
  if (size < 0 && errno == EINVAL) return Error::system(ENOTDIR, "{}", tar::printable(path));
  if (size < 0) return Error::system(errno, "read link {}", tar::printable(path));
  const std::string text(target.data(), static_cast<size_t>(size));
  const auto absolute = RootedPath::clean(text.starts_with('/') ? text : at.parent + "/" + text);
  TRY(open_or_make(absolute.string(), depth + 1));
  return {};
}

bool is_whiteout(const struct stat& info) {
  return S_ISCHR(info.st_mode) && info.st_rdev == 0;
}

Result<void> set_opaque(BorrowedFd folder) {
  if (fsetxattr(folder.get(), "trusted.overlay.opaque", "y", 1, 0) == 0) return {};
  return Error::system(errno, "set trusted.overlay.opaque");
}

}  // namespace gantry::images
