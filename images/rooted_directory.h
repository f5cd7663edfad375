#pragma once

#include "base/fd.h"
#include "base/result.h"

#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <sys/stat.h>

namespace gantry::images {

// A path taken from an archive, cleaned into the root: "." and empty components dropped, ".." never above it.
// The parent is "" for what is in the root itself; the name is "" for the root.
struct RootedPath {
  std::string parent;
  std::string name;

  static RootedPath clean(std::string_view path);
  std::string string() const { return parent.empty() ? name : parent + "/" + name; }
};

// A folder as a root for paths from archives: whatever they say and whatever symbolic links lie on the way,
// nothing outside is reached. openat2(2) with RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS; no path is used twice:
// what is opened is used through its descriptor. The last few parents stay open.
class RootedDirectory {
 public:
  // Errors: unsupported on kernels without openat2 (before 5.6).
  static Result<RootedDirectory> open(const std::string& path);

  const UniqueFd& root() const { return root_; }
  // The folder `parent`, valid until the next call. What is missing is made 0755, through links too; a
  // whiteout on the way becomes an opaque folder.
  Result<BorrowedFd> parent(const std::string& parent);
  // Opens without making anything. `flags` as open(2); add O_NOFOLLOW for the last component.
  Result<UniqueFd> open_at(const std::string& path, int flags) const;
  uint64_t made() const { return made_; }  // folders that parent() made
  // Must be called when something that a parent's path may go through was replaced.
  void forget() { cache_.clear(); }

 private:
  explicit RootedDirectory(UniqueFd root) : root_(std::move(root)) {}
  Result<UniqueFd> open_or_make(const std::string& path, int depth);
  Result<UniqueFd> make(BorrowedFd above, const std::string& name);
  Result<bool> replace_whiteout(BorrowedFd above, const std::string& name);
  Result<void> make_link_target(BorrowedFd parent, const std::string& path, const RootedPath& at, int depth);

  struct Cached {
    std::string path;
    UniqueFd fd;
  };
  UniqueFd root_;
  std::list<Cached> cache_;  // latest first
  uint64_t made_ = 0;
};

// What a whiteout is in an unpacked layer: a character device 0:0. Source: kernel
// Documentation/filesystems/overlayfs.rst.
bool is_whiteout(const struct stat& info);
// Hides what lower layers have in the folder.
Result<void> set_opaque(BorrowedFd folder);

}  // namespace gantry::images
