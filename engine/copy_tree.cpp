#include "engine/copy_tree.h"

#include "base/format.h"

#include <array>
#include <climits>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <string>
#include <string_view>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <vector>

namespace gantry::engine {

namespace {

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};

// Extended attributes by the /proc name of the descriptor: the f… calls refuse O_PATH.
Result<void> copy_attributes(BorrowedFd from, BorrowedFd to) {
  std::vector<char> names(size_t{64} << 10);
  const ssize_t size = flistxattr(from.get(), names.data(), names.size());
  if (size < 0) return errno == ENOTSUP ? Result<void>() : Error::system(errno, "list extended attributes");
  std::vector<char> value(size_t{64} << 10);
  for (ssize_t at = 0; at < size;) {
    const std::string name(names.data() + at);
    at += static_cast<ssize_t>(name.size()) + 1;
    const ssize_t length = fgetxattr(from.get(), name.c_str(), value.data(), value.size());
    if (length < 0) return Error::system(errno, "read extended attribute {}", name);
    if (name.rfind("trusted.overlay.", 0) == 0) continue;  // of the layers, not of the file
    if (fsetxattr(to.get(), name.c_str(), value.data(), static_cast<size_t>(length), 0) != 0) {
      return Error::system(errno, "write extended attribute {}", name);
    }
  }
  return {};
}

// Owner before mode: a change of owner clears the set-id bits. Times last.
Result<void> copy_metadata(BorrowedFd from, BorrowedFd to, const struct stat& status) {
  if (fchown(to.get(), status.st_uid, status.st_gid) != 0) return Error::system(errno, "change owner");
  if (fchmod(to.get(), status.st_mode & 07777) != 0) return Error::system(errno, "change mode");
  TRY(copy_attributes(from, to));
  const std::array<timespec, 2> times = {status.st_atim, status.st_mtim};
  if (futimens(to.get(), times.data()) != 0) return Error::system(errno, "set times");
  return {};
}

Result<void> copy_data(BorrowedFd from, BorrowedFd to) {
  for (;;) {
    // Not copy_file_range(2): an overlay and what is below it are different file systems to it.
    const ssize_t copied = sendfile(to.get(), from.get(), nullptr, size_t{1} << 30);
    if (copied < 0 && errno == EINTR) continue;
    if (copied < 0) return Error::system(errno, "copy");
    if (copied == 0) return {};
  }
}

Result<void> copy_file(BorrowedFd from_folder, BorrowedFd to_folder, const char* name,
                       const struct stat& status) {
  const UniqueFd from(openat(from_folder.get(), name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!from) return Error::system(errno, "open");
  const UniqueFd to(
      openat(to_folder.get(), name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!to) return Error::system(errno, "make");
  TRY(copy_data(from, to));
  return copy_metadata(from, to, status);
}

Result<void> copy_folder(BorrowedFd from_folder, BorrowedFd to_folder, const char* name) {
  constexpr int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  const UniqueFd from(openat(from_folder.get(), name, flags));
  if (!from) return Error::system(errno, "open");
  if (mkdirat(to_folder.get(), name, 0700) != 0 && errno != EEXIST) return Error::system(errno, "make");
  const UniqueFd to(openat(to_folder.get(), name, flags));
  if (!to) return Error::system(errno, "open the copy");
  return copy_tree(from, to);
}

Result<void> copy_other(BorrowedFd from_folder, BorrowedFd to_folder, const char* name,
                        const struct stat& status) {
  if (S_ISLNK(status.st_mode)) {
    std::array<char, PATH_MAX> target{};
    if (readlinkat(from_folder.get(), name, target.data(), target.size() - 1) < 0) {
      return Error::system(errno, "read link");
    }
    if (symlinkat(target.data(), to_folder.get(), name) != 0) return Error::system(errno, "make link");
  } else if (mknodat(to_folder.get(), name, status.st_mode, status.st_rdev) != 0) {
    return Error::system(errno, "make node");
  }
  if (fchownat(to_folder.get(), name, status.st_uid, status.st_gid, AT_SYMLINK_NOFOLLOW) != 0) {
    return Error::system(errno, "change owner");
  }
  return {};
}

Result<void> copy_entry(BorrowedFd from, BorrowedFd to, const char* name) {
  struct stat status {};
  if (fstatat(from.get(), name, &status, AT_SYMLINK_NOFOLLOW) != 0) return Error::system(errno, "stat");
  if (S_ISDIR(status.st_mode)) return copy_folder(from, to, name);
  if (S_ISREG(status.st_mode)) return copy_file(from, to, name, status);
  if (S_ISSOCK(status.st_mode)) return {};
  return copy_other(from, to, name, status);
}

}  // namespace

Result<void> copy_tree(BorrowedFd from, BorrowedFd to) {
  const int listing = openat(from.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (listing < 0) return Error::system(errno, "open folder");
  const std::unique_ptr<DIR, CloseDirectory> directory(fdopendir(listing));
  while (const dirent* entry = readdir(directory.get())) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    TRY(copy_entry(from, to, entry->d_name).context("{}", name));
  }
  struct stat status {};
  if (fstat(from.get(), &status) != 0) return Error::system(errno, "stat");
  return copy_metadata(from, to, status);
}

}  // namespace gantry::engine
