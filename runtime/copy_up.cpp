#include "runtime/copy_up.h"

#include <climits>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace gantry::runtime {
namespace {

constexpr int deepest = 128;

// getdents64(2) into a buffer on the stack: readdir(3) allocates.
struct Entry {
  ino64_t inode;
  off64_t offset;
  unsigned short size;
  unsigned char type;
  char name[1];
};

bool copy_owner(BorrowedFd to, const struct stat& info) {
  return ::fchown(to.get(), info.st_uid, info.st_gid) == 0 && ::fchmod(to.get(), info.st_mode & 07777) == 0;
}

bool copy_file(BorrowedFd from, BorrowedFd to_folder, const char* name, const struct stat& info) {
  const UniqueFd to(
      ::openat(to_folder.get(), name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!to) return false;
  for (off_t left = info.st_size; left > 0;) {
    const ssize_t sent = ::sendfile(to.get(), from.get(), nullptr, static_cast<size_t>(left));
    if (sent < 0 && errno != EINTR) return false;
    if (sent == 0) break;
    if (sent > 0) left -= sent;
  }
  return copy_owner(to, info);
}

bool copy_link(BorrowedFd from, BorrowedFd to, const char* name, const struct stat& info) {
  char target[PATH_MAX];
  const ssize_t length = ::readlinkat(from.get(), name, target, sizeof target - 1);
  if (length < 0) return false;
  target[length] = '\0';
  return ::symlinkat(target, to.get(), name) == 0 &&
         ::fchownat(to.get(), name, info.st_uid, info.st_gid, AT_SYMLINK_NOFOLLOW) == 0;
}

bool copy_folder(BorrowedFd from, BorrowedFd to, int depth);

bool copy_entry(BorrowedFd from, BorrowedFd to, const char* name, int depth) {
  struct stat info {};
  if (::fstatat(from.get(), name, &info, AT_SYMLINK_NOFOLLOW) != 0) return false;
  if (S_ISLNK(info.st_mode)) return copy_link(from, to, name, info);
  if (!S_ISDIR(info.st_mode) && !S_ISREG(info.st_mode)) return true;
  const UniqueFd source(::openat(from.get(), name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!source || ::fstat(source.get(), &info) != 0) return false;
  if (S_ISREG(info.st_mode)) return copy_file(source, to, name, info);
  if (::mkdirat(to.get(), name, 0700) != 0) return false;
  const UniqueFd made(::openat(to.get(), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  return made && copy_folder(source, made, depth + 1) && copy_owner(made, info);
}

bool copy_folder(BorrowedFd from, BorrowedFd to, int depth) {
  if (depth > deepest) {
    errno = ELOOP;
    return false;
  }
  alignas(Entry) char buffer[4096];
  for (;;) {
    const long got = ::syscall(SYS_getdents64, from.get(), buffer, sizeof buffer);
    if (got <= 0) return got == 0;
    for (long at = 0; at < got;) {
      const auto* entry = reinterpret_cast<const Entry*>(buffer + at);
      at += entry->size;
      const char* name = entry->name;
      if (std::strcmp(name, ".") == 0 || std::strcmp(name, "..") == 0) continue;
      if (!copy_entry(from, to, name, depth)) return false;
    }
  }
}

}  // namespace

Failure copy_up(BorrowedFd target, const char* path, BorrowedFd tree) {
  const UniqueFd from(::openat(target.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const UniqueFd to(::openat(tree.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!from || !to) return {"open %s to copy it up", errno, path};
  if (!copy_folder(from, to, 0)) return {"copy %s up into a tmpfs", errno, path};
  struct stat info {};
  if (::fstat(from.get(), &info) != 0 || !copy_owner(to, info)) return {"copy the owner of %s", errno, path};
  return {};
}

}  // namespace gantry::runtime
