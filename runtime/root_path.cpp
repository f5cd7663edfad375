#include "runtime/root_path.h"

#include "runtime/syscalls.h"

#include <climits>
#include <cstring>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

namespace gantry::runtime {
namespace {

constexpr uint64_t inside = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
constexpr uint64_t one_step = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
constexpr int folder_flags = O_PATH | O_DIRECTORY;
constexpr int most_links = 40;  // as many as the kernel follows. Source: path_resolution(7)

// Copies `path` without doubled and trailing slashes, with a leading one. False, and ENAMETOOLONG, when it is
// too long.
bool normalize(const char* path, char* into) {
  size_t used = 0;
  const auto add = [&](char c) {
    into[used++] = c;
    return used < PATH_MAX;
  };
  errno = ENAMETOOLONG;
  for (const char* c = path; *c != '\0';) {
    while (*c == '/') ++c;
    if (*c == '\0') break;
    if (!add('/')) return false;
    while (*c != '\0' && *c != '/') {
      if (!add(*c++)) return false;
    }
  }
  if (used == 0) into[used++] = '/';
  into[used] = '\0';
  return true;
}

// Replaces the component between the slash at `begin` and `end` by what the symbolic link of that name in
// `parent` says. False with errno set: EINVAL when it is no link. Links of procfs are never followed: those
// that lead to descriptors may name one that we opened just now (CVE-2024-21626).
bool follow_link(BorrowedFd parent, char* path, char* begin, char* end) {
  struct statfs system {};
  if (::fstatfs(parent.get(), &system) != 0) return false;
  if (system.f_type == PROC_SUPER_MAGIC) {
    errno = ELOOP;
    return false;
  }
  char target[PATH_MAX];
  char joined[2 * PATH_MAX + NAME_MAX];
  const char cut = *end;
  *end = '\0';
  const ssize_t length = ::readlinkat(parent.get(), begin + 1, target, sizeof target - 1);
  *end = cut;
  if (length < 0) return false;
  target[length] = '\0';
  char* to = joined;
  if (target[0] != '/') {
    to = static_cast<char*>(::mempcpy(to, path, static_cast<size_t>(begin - path)));
    *to++ = '/';
  }
  ::stpcpy(::stpcpy(to, target), end);
  return normalize(joined, path);
}

// Opens as much of `path` as is there; `rest` is set to the slash behind it, or to the path's end. `missing`:
// all of it was seen not to be there.
UniqueFd open_existing(BorrowedFd root, char* path, uint64_t resolve, bool missing, char*& rest) {
  rest = path + std::strlen(path);
  for (UniqueFd found;; missing = false) {
    const char cut = *rest;
    *rest = '\0';
    errno = ENOENT;
    if (!missing) found = open_resolved(root, *path == '\0' ? "/" : path, folder_flags, resolve);
    *rest = cut;
    if (found || errno != ENOENT || rest == path) return found;
    char* slash = rest - 1;
    while (*slash != '/') --slash;
    if (rest - slash == 3 && slash[1] == '.' && slash[2] == '.')
      return found;  // of a folder that isn't there
    rest = slash;
  }
}

// Goes down from `folder` to the end of `path`, `rest` on, and makes each folder on the way. When that fails,
// `rest` and `end` enclose the component at which it did, and `folder` is where that lies.
bool make_rest(UniqueFd& folder, char*& rest, char*& end) {
  for (; *rest != '\0'; rest = end) {
    end = rest + 1 + std::strcspn(rest + 1, "/");
    const char cut = *end;
    *end = '\0';
    const bool made = ::mkdirat(folder.get(), rest + 1, 0755) == 0 || errno == EEXIST;
    UniqueFd below = made ? open_resolved(folder, rest + 1, folder_flags, one_step) : UniqueFd();
    *end = cut;
    if (!below) return false;
    folder = std::move(below);
  }
  return true;
}

// The folder at `path`, which is overwritten. A link that leads to nothing is followed by hand, since what is
// missing may lie behind it; with RESOLVE_NO_SYMLINKS it is an error as any link is.
UniqueFd make_folder(BorrowedFd root, char* path, uint64_t resolve, bool missing = false) {
  for (int links = 0; links <= most_links; ++links) {
    char* rest = nullptr;
    char* end = nullptr;
    UniqueFd folder = open_existing(root, path, resolve, missing && links == 0, rest);
    if (!folder || make_rest(folder, rest, end)) return folder;
    if (errno != ELOOP || (resolve & RESOLVE_NO_SYMLINKS) != 0) return UniqueFd();
    // No link any more: somebody made something else of it, so look again.
    if (!follow_link(folder, path, rest, end) && errno != EINVAL && errno != ENOENT) return UniqueFd();
  }
  errno = ELOOP;
  return UniqueFd();
}

// An empty file at `path`, which is overwritten, or what came to be there meanwhile.
UniqueFd make_file(BorrowedFd root, char* path) {
  for (int links = 0; links <= most_links; ++links) {
    char name[NAME_MAX + 1];
    const UniqueFd parent = make_parent_in_root(root, path, name);
    if (!parent) return UniqueFd();
    UniqueFd made = open_resolved(parent, name, O_CREAT | O_EXCL | O_RDONLY | O_NOFOLLOW, one_step, 0644);
    if (made || errno != EEXIST) return made;
    char* end = path + std::strlen(path);
    if (!follow_link(parent, path, std::strrchr(path, '/'), end) && errno != EINVAL && errno != ENOENT) break;
    UniqueFd found = open_in_root(root, path, O_PATH);
    if (found || errno != ENOENT) return found;
    errno = ELOOP;
  }
  return UniqueFd();
}

}  // namespace

UniqueFd open_in_root(BorrowedFd root, const char* path, int flags) {
  return open_resolved(root, path, flags, inside);
}

UniqueFd make_folder_in_root(BorrowedFd root, const char* path) {
  char buffer[PATH_MAX];
  return normalize(path, buffer) ? make_folder(root, buffer, inside) : UniqueFd();
}

UniqueFd make_parent_in_root(BorrowedFd root, const char* path, char* name) {
  char buffer[PATH_MAX];
  if (!normalize(path, buffer)) return UniqueFd();
  char* slash = std::strrchr(buffer, '/');
  if (slash[1] == '\0' || std::strlen(slash + 1) > NAME_MAX) {
    errno = slash[1] == '\0' ? EISDIR : ENAMETOOLONG;
    return UniqueFd();
  }
  std::strcpy(name, slash + 1);
  *slash = '\0';
  return make_folder_in_root(root, *buffer == '\0' ? "/" : buffer);
}

UniqueFd make_target_in_root(BorrowedFd root, const char* path, bool folder) {
  UniqueFd found = open_in_root(root, path, O_PATH);
  if (found || errno != ENOENT) return found;
  char buffer[PATH_MAX];
  if (!normalize(path, buffer)) return UniqueFd();
  return folder ? make_folder(root, buffer, inside, true) : make_file(root, buffer);
}

UniqueFd make_real_folder(BorrowedFd root, const char* path) {
  char buffer[PATH_MAX];
  if (!normalize(path, buffer)) return UniqueFd();
  return make_folder(root, buffer, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
}

}  // namespace gantry::runtime
