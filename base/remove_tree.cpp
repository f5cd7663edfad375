// rm -rf with one folder open at a time: a container can nest folders deeper than descriptors or a stack go.

#include "base/files.h"
#include "base/root_path.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <memory>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>

namespace gantry {
namespace {

using Directory = std::unique_ptr<DIR, int (*)(DIR*)>;

// A folder on the way down: who it is, so that ".." from below is known to lead back, and what is in it.
struct Level {
  std::string name;  // in the folder above
  dev_t device = 0;
  ino_t inode = 0;
  std::vector<std::string> folders;  // still to be removed
};

// A message names the last few folders only: a path may be megabytes long.
std::string describe(const std::vector<Level>& levels, std::string_view name) {
  constexpr size_t shown = 8;
  std::string path = levels.size() > shown ? "…" : "";
  for (size_t i = levels.size() > shown ? levels.size() - shown : 1; i < levels.size(); ++i) {
    path += (path.empty() ? "" : "/") + levels[i].name;
  }
  if (!name.empty()) path += (path.empty() ? "" : "/") + std::string(name);
  return path;
}

// A folder below `parent`, never through a link or a mount. Empty when it isn't there any more.
Result<std::optional<UniqueFd>> open_child(BorrowedFd parent, const std::string& name) {
  constexpr int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
  UniqueFd child = open_resolved(parent, name.c_str(), flags, RESOLVE_NO_XDEV);
  if (child) return std::optional(std::move(child));
  const int error = errno;
  if (error == ENOENT) return std::optional<UniqueFd>();
  if (error == EXDEV) return Error::make(ErrorKind::conflict, "something is mounted there");
  return Error::system(error, "open");
}

// Unlinks what isn't a folder and returns the folders.
Result<std::vector<std::string>> empty_of_files(BorrowedFd folder) {
  UniqueFd copy = TRY(duplicate(folder));
  const Directory directory(::fdopendir(copy.get()), ::closedir);
  if (!directory) return Error::system(errno, "read");
  (void)copy.release();  // closedir closes it
  std::vector<std::string> folders;
  while (const dirent* entry = ::readdir(directory.get())) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (::unlinkat(folder.get(), entry->d_name, 0) == 0 || errno == ENOENT) continue;
    const int error = errno;
    const bool is_folder = error == EISDIR || (error == EPERM && entry->d_type == DT_DIR);
    if (!is_folder) return Error::system(error, "remove {}", name);
    folders.emplace_back(name);
  }
  return folders;
}

class Removal {
 public:
  Result<void> run(UniqueFd top) {
    TRY(enter(std::move(top), ""));
    while (true) {
      Level& level = levels_.back();
      if (!level.folders.empty()) {
        const std::string name = std::move(level.folders.back());
        level.folders.pop_back();
        TRY(go_down(name).context("{}", describe(levels_, name)));
      } else if (levels_.size() > 1) {
        TRY(go_up().context("{}", describe(levels_, "")));
      } else {
        return {};
      }
    }
  }

 private:
  Result<void> enter(UniqueFd folder, const std::string& name) {
    struct stat info {};
    if (::fstat(folder.get(), &info) != 0) return Error::system(errno, "stat");
    auto folders = TRY(empty_of_files(folder));
    levels_.push_back({name, info.st_dev, info.st_ino, std::move(folders)});
    here_ = std::move(folder);
    return {};
  }

  // An empty folder goes without being opened.
  Result<void> go_down(const std::string& name) {
    if (::unlinkat(here_.get(), name.c_str(), AT_REMOVEDIR) == 0) return {};
    auto child = TRY(open_child(here_, name));
    return child ? enter(std::move(*child), name) : Result<void>();
  }

  Result<void> go_up() {
    const Level& above = levels_[levels_.size() - 2];
    UniqueFd parent(::openat(here_.get(), "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    struct stat info {};
    if (!parent || ::fstat(parent.get(), &info) != 0) return Error::system(errno, "open the folder above");
    if (info.st_dev != above.device || info.st_ino != above.inode) {
      return Error::make(ErrorKind::conflict, "it was moved away while it was being removed");
    }
    if (::unlinkat(parent.get(), levels_.back().name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) {
      return Error::system(errno, "remove");
    }
    levels_.pop_back();
    here_ = std::move(parent);
    return {};
  }

  std::vector<Level> levels_;
  UniqueFd here_;  // the last of `levels_`
};

}  // namespace

Result<void> remove_tree_at(BorrowedFd parent, const std::string& name) {
  if (::unlinkat(parent.get(), name.c_str(), 0) == 0 || errno == ENOENT) return {};
  const int error = errno;
  if (error != EISDIR && error != EPERM) return Error::system(error, "remove {}", name);
  if (::unlinkat(parent.get(), name.c_str(), AT_REMOVEDIR) == 0) return {};
  if (errno == ENOTDIR) return Error::system(error, "remove {}", name);
  auto folder = TRY(open_child(parent, name).context("remove {}", name));
  if (!folder) return {};
  TRY(Removal().run(std::move(*folder)).context("remove {}", name));
  if (::unlinkat(parent.get(), name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return {};
  return Error::system(errno, "remove {}", name);
}

Result<void> remove_tree(const std::string& path) {
  const size_t end = path.find_last_not_of('/');
  if (end == std::string::npos) return Error::make(ErrorKind::invalid, "remove {}: isn't a name", path);
  const std::string trimmed = path.substr(0, end + 1);
  const size_t slash = trimmed.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : trimmed.substr(0, slash + 1);
  const auto parent = open_file(folder, O_PATH | O_DIRECTORY);
  if (!parent && parent.error().kind() == ErrorKind::not_found) return {};
  if (!parent) return parent.error();
  return remove_tree_at(*parent, trimmed.substr(slash + 1)).context("{}", folder);
}

}  // namespace gantry
