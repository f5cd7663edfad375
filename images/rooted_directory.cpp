#include "images/rooted_directory.h"

#include "base/files.h"
#include "base/root_path.h"
#include "base/text.h"

#include <array>
#include <fcntl.h>
#include <sys/stat.h>
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
  if (folder || folder.error().kind() != ErrorKind::not_found) return folder;
  if (depth > link_depth_limit) return Error::make(ErrorKind::invalid, "{}: too many symbolic links", path);
  const auto at = RootedPath::clean(path);
  const auto above = TRY(open_or_make(at.parent, depth));
  if (mkdirat(above.get(), at.name.c_str(), 0755) == 0) {
    // The umask may have taken bits away.
    if (fchmodat(above.get(), at.name.c_str(), 0755, 0) != 0) return Error::system(errno, "chmod {}", path);
  } else {
    const int error = errno;
    if (error != EEXIST) return Error::system(error, "make folder {}", path);
    TRY(make_link_target(above, path, at, depth));
  }
  return open_in_root(root_, path, O_RDONLY | O_DIRECTORY);
}

// `path` is a symbolic link to something that isn't there, as /var/run is in a layer that doesn't hold /run.
Result<void> RootedDirectory::make_link_target(BorrowedFd parent, const std::string& path,
                                               const RootedPath& at, int depth) {
  std::array<char, 4096> target{};
  const ssize_t size = readlinkat(parent.get(), at.name.c_str(), target.data(), target.size());
  if (size < 0) return Error::system(errno, "read link {}", path);
  const std::string text(target.data(), static_cast<size_t>(size));
  const auto absolute = RootedPath::clean(text.starts_with('/') ? text : at.parent + "/" + text);
  TRY(open_or_make(absolute.string(), depth + 1));
  return {};
}

}  // namespace gantry::images
