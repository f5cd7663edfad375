#include "engine/copy_tree.h"

#include "base/format.h"

#include <algorithm>
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

constexpr int most_nested = 1000;  // three descriptors and a stack frame each

std::string by_descriptor(BorrowedFd fd) {
  return format("/proc/self/fd/{}", fd.get());
}

// By the /proc name of the descriptor, which leads to the thing itself, a link or a device too: the f… calls
// refuse O_PATH.
Result<void> copy_attributes(BorrowedFd from_fd, BorrowedFd to_fd) {
  const std::string from = by_descriptor(from_fd);
  const std::string to = by_descriptor(to_fd);
  std::vector<char> names(size_t{64} << 10);
  const ssize_t size = listxattr(from.c_str(), names.data(), names.size());
  if (size < 0) return errno == ENOTSUP ? Result<void>() : Error::system(errno, "list extended attributes");
  std::vector<char> value(size > 0 ? size_t{64} << 10 : 0);
  for (ssize_t at = 0; at < size;) {
    const std::string name(names.data() + at);
    at += static_cast<ssize_t>(name.size()) + 1;
    const ssize_t length = getxattr(from.c_str(), name.c_str(), value.data(), value.size());
    if (length < 0) return Error::system(errno, "read extended attribute {}", name);
    if (name.rfind("trusted.overlay.", 0) == 0) continue;  // of the layers, not of the file
    if (setxattr(to.c_str(), name.c_str(), value.data(), static_cast<size_t>(length), 0) != 0) {
      return Error::system(errno, "write extended attribute {}", name);
    }
  }
  return {};
}

// Owner before mode: a change of owner clears the set-id bits. Times last.
Result<void> copy_metadata(BorrowedFd from, BorrowedFd to, const struct stat& status) {
  if (fchownat(to.get(), "", status.st_uid, status.st_gid, AT_EMPTY_PATH) != 0) {
    return Error::system(errno, "change owner");
  }
  const std::string path = by_descriptor(to);
  if (!S_ISLNK(status.st_mode) && chmod(path.c_str(), status.st_mode & 07777) != 0) {
    return Error::system(errno, "change mode");
  }
  TRY(copy_attributes(from, to));
  const std::array<timespec, 2> times = {status.st_atim, status.st_mtim};
  if (utimensat(AT_FDCWD, path.c_str(), times.data(), 0) != 0) return Error::system(errno, "set times");
  return {};
}

struct Range {
  off_t begin = 0;
  off_t end = 0;
};

// The next run of data at or after `at`, empty at the file's end. A file system that doesn't know of holes
// says that all is data.
Result<Range> next_data(BorrowedFd file, off_t at, off_t size) {
  const off_t begin = lseek(file.get(), at, SEEK_DATA);
  if (begin < 0 && errno == ENXIO) return Range{size, size};
  if (begin < 0) return Error::system(errno, "seek");
  const off_t end = lseek(file.get(), begin, SEEK_HOLE);
  if (end < 0) return Error::system(errno, "seek");
  return Range{begin, end};
}

Result<void> copy_level(BorrowedFd from, BorrowedFd to, int depth);

Result<void> copy_file(BorrowedFd from_folder, BorrowedFd to_folder, const char* name,
                       const struct stat& status) {
  const UniqueFd from(openat(from_folder.get(), name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!from) return Error::system(errno, "open");
  const UniqueFd to(
      openat(to_folder.get(), name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!to) return Error::system(errno, "make");
  TRY(copy_file_data(from, to, status.st_size));
  return copy_metadata(from, to, status);
}

Result<void> copy_folder(BorrowedFd from_folder, BorrowedFd to_folder, const char* name, int depth) {
  constexpr int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  const UniqueFd from(openat(from_folder.get(), name, flags));
  if (!from) return Error::system(errno, "open");
  if (mkdirat(to_folder.get(), name, 0700) != 0 && errno != EEXIST) return Error::system(errno, "make");
  const UniqueFd to(openat(to_folder.get(), name, flags));
  if (!to) return Error::system(errno, "open the copy");
  return copy_level(from, to, depth + 1);
}

Result<void> copy_other(BorrowedFd from_folder, BorrowedFd to_folder, const char* name,
                        const struct stat& status) {
  if (S_ISLNK(status.st_mode)) {
    std::string target(PATH_MAX, '\0');  // on the heap: each level of a deep tree has this on its stack else
    if (readlinkat(from_folder.get(), name, target.data(), target.size()) < 0) {
      return Error::system(errno, "read link");
    }
    if (symlinkat(target.c_str(), to_folder.get(), name) != 0) return Error::system(errno, "make link");
  } else if (mknodat(to_folder.get(), name, status.st_mode, status.st_rdev) != 0) {
    return Error::system(errno, "make node");
  }
  const UniqueFd from(openat(from_folder.get(), name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!from) return Error::system(errno, "open");
  const UniqueFd to(openat(to_folder.get(), name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!to) return Error::system(errno, "open the copy");
  return copy_metadata(from, to, status);
}

Result<void> copy_entry(BorrowedFd from, BorrowedFd to, const char* name, int depth) {
  struct stat status {};
  if (fstatat(from.get(), name, &status, AT_SYMLINK_NOFOLLOW) != 0) return Error::system(errno, "stat");
  if (S_ISDIR(status.st_mode)) return copy_folder(from, to, name, depth);
  if (S_ISREG(status.st_mode)) return copy_file(from, to, name, status);
  if (S_ISSOCK(status.st_mode)) return {};
  return copy_other(from, to, name, status);
}

Result<void> copy_level(BorrowedFd from, BorrowedFd to, int depth) {
  if (depth > most_nested) {
    return Error::make(ErrorKind::invalid, "folders are nested deeper than {}", most_nested);
  }
  UniqueFd listing(openat(from.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!listing) return Error::system(errno, "open folder");
  const std::unique_ptr<DIR, CloseDirectory> directory(fdopendir(listing.get()));
  if (!directory) return Error::system(errno, "read folder");
  (void)listing.release();  // closedir closes it
  while (const dirent* entry = readdir(directory.get())) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    TRY(copy_entry(from, to, entry->d_name, depth).context("{}", name));
  }
  struct stat status {};
  if (fstat(from.get(), &status) != 0) return Error::system(errno, "stat");
  return copy_metadata(from, to, status);
}

}  // namespace

// Holes stay holes: a file of an image may claim to be larger than the disk.
Result<void> copy_file_data(BorrowedFd from, BorrowedFd to, off_t size) {
  for (off_t at = 0; at < size;) {
    const Range data = TRY(next_data(from, at, size));
    if (lseek(to.get(), data.begin, SEEK_SET) < 0) return Error::system(errno, "seek in the copy");
    for (at = data.begin; at < data.end;) {
      // Not copy_file_range(2): an overlay and what is below it are different file systems to it.
      const off_t left = std::min<off_t>(data.end - at, off_t{1} << 30);
      const ssize_t copied = sendfile(to.get(), from.get(), &at, static_cast<size_t>(left));
      if (copied < 0 && errno == EINTR) continue;
      if (copied < 0) return Error::system(errno, "copy");
      if (copied == 0) return Error::make(ErrorKind::conflict, "the file became shorter while it was copied");
    }
  }
  if (ftruncate(to.get(), size) != 0) return Error::system(errno, "set size");
  return {};
}

Result<void> copy_tree(BorrowedFd from, BorrowedFd to) {
  return copy_level(from, to, 0);
}

}  // namespace gantry::engine
