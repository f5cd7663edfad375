#include "runtime/root_path.h"

#include "runtime/syscalls.h"

#include <climits>
#include <cstring>
#include <sys/stat.h>

namespace gantry::runtime {
namespace {

constexpr uint64_t inside = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
constexpr int folder_flags = O_PATH | O_DIRECTORY;

// Copies `path` without doubled and trailing slashes, with a leading one. False when it is too long.
bool normalize(const char* path, char* into) {
  size_t used = 0;
  for (const char* c = path; *c != '\0';) {
    while (*c == '/') ++c;
    if (*c == '\0') break;
    if (used + 1 >= PATH_MAX) return false;
    into[used++] = '/';
    while (*c != '\0' && *c != '/') {
      if (used + 1 >= PATH_MAX) return false;
      into[used++] = *c++;
    }
  }
  if (used == 0) into[used++] = '/';
  into[used] = '\0';
  return true;
}

// One more folder below `parent`, made if missing.
UniqueFd step_down(BorrowedFd parent, const char* name, uint64_t resolve) {
  if (::mkdirat(parent.get(), name, 0755) != 0 && errno != EEXIST) return UniqueFd();
  return open_resolved(parent, name, folder_flags, resolve);
}

// Opens `path`; where it isn't there, its parent first, and then one more folder below that.
UniqueFd walk(BorrowedFd root, char* path, uint64_t resolve_existing, uint64_t resolve_made) {
  UniqueFd found = open_resolved(root, path, folder_flags, resolve_existing);
  if (found || errno != ENOENT) return found;
  char* slash = std::strrchr(path, '/');
  const char* name = slash + 1;
  if (*name == '\0' || std::strcmp(name, "..") == 0) {
    errno = ENOENT;
    return UniqueFd();
  }
  *slash = '\0';
  const UniqueFd parent = *path == '\0' ? open_resolved(root, "/", folder_flags, resolve_existing)
                                        : walk(root, path, resolve_existing, resolve_made);
  *slash = '/';
  return parent ? step_down(parent, name, resolve_made) : UniqueFd();
}

}  // namespace

UniqueFd open_in_root(BorrowedFd root, const char* path, int flags) {
  return open_resolved(root, path, flags, inside);
}

UniqueFd make_folder_in_root(BorrowedFd root, const char* path) {
  char buffer[PATH_MAX];
  if (!normalize(path, buffer)) {
    errno = ENAMETOOLONG;
    return UniqueFd();
  }
  return walk(root, buffer, inside, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
}

UniqueFd make_parent_in_root(BorrowedFd root, const char* path, char* name) {
  char buffer[PATH_MAX];
  if (!normalize(path, buffer)) {
    errno = ENAMETOOLONG;
    return UniqueFd();
  }
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
  if (folder) return make_folder_in_root(root, path);
  char name[NAME_MAX + 1];
  const UniqueFd parent = make_parent_in_root(root, path, name);
  if (!parent) return UniqueFd();
  const UniqueFd made = open_resolved(parent, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW,
                                      RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS, 0644);
  if (!made) return UniqueFd();
  return open_resolved(parent, name, O_PATH | O_NOFOLLOW, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
}

UniqueFd make_real_folder(BorrowedFd root, const char* path) {
  char buffer[PATH_MAX];
  if (!normalize(path, buffer)) {
    errno = ENAMETOOLONG;
    return UniqueFd();
  }
  return walk(root, buffer, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
}

}  // namespace gantry::runtime
