#include "engine/root_files.h"

#include "base/files.h"
#include "base/text.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gantry::engine {

namespace {

// One component below `parent`: opened, or made and then opened. Symbolic links are resolved in the root,
// since `parent` is named by its path there.
Result<UniqueFd> step_into(BorrowedFd root, const std::string& path, uid_t uid, gid_t gid) {
  constexpr int flags = O_PATH | O_DIRECTORY;
  auto there = open_in_root(root, path, flags);
  if (there || there.error().kind() != ErrorKind::not_found) return there;
  const size_t slash = path.rfind('/');
  const std::string name = path.substr(slash + 1);
  const UniqueFd parent = TRY(open_in_root(root, slash == 0 ? "/" : path.substr(0, slash), flags));
  if (mkdirat(parent.get(), name.c_str(), 0755) != 0) return Error::system(errno, "{}: make folder", path);
  if (fchownat(parent.get(), name.c_str(), uid, gid, AT_SYMLINK_NOFOLLOW) != 0) {
    return Error::system(errno, "{}: change owner", path);
  }
  return open_in_root(root, path, flags);
}

}  // namespace

Result<UniqueFd> open_root(const std::string& rootfs) {
  return open_file(rootfs, O_PATH | O_DIRECTORY);
}

Result<std::string> read_in_root(BorrowedFd root, const std::string& path, size_t limit) {
  // O_NONBLOCK: a fifo must not hold us.
  const UniqueFd fd = TRY(open_in_root(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY));
  struct stat status {};
  if (fstat(fd.get(), &status) != 0) return Error::system(errno, "{}: stat", path);
  if (!S_ISREG(status.st_mode)) return Error::make(ErrorKind::invalid, "{}: not a regular file", path);
  return read_all(fd, limit).context("{}", path);
}

Result<UniqueFd> make_directories_in_root(BorrowedFd root, const std::string& path, uid_t uid, gid_t gid) {
  std::string so_far;
  UniqueFd folder = TRY(open_in_root(root, "/", O_PATH | O_DIRECTORY));
  for (const auto& component : split(path, '/')) {
    if (component.empty() || component == ".") continue;
    if (component == "..") return Error::make(ErrorKind::invalid, "{}: \"..\" isn't allowed", path);
    so_far += "/" + component;
    folder = TRY(step_into(root, so_far, uid, gid));
  }
  return folder;
}

}  // namespace gantry::engine
