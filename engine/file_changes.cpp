#include "base/root_path.h"
#include "engine/build_root.h"
#include "engine/context.h"

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

// Engine::changes: a container's upper folder against its image.

namespace gantry::engine {

namespace {

bool is_opaque(BorrowedFd folder) {
  std::array<char, 8> value{};
  const ssize_t size = fgetxattr(folder.get(), "trusted.overlay.opaque", value.data(), value.size());
  return size == 1 && value[0] == 'y';
}

bool is_whiteout(const struct stat& info) {
  return S_ISCHR(info.st_mode) && info.st_rdev == 0;
}

class Comparison {
 public:
  explicit Comparison(BorrowedFd image) : image_(image) {}

  // `in_image`: the folder is one of the image, and not hidden by an opaque one.
  Result<void> compare(BorrowedFd upper, const std::string& path, bool in_image) {
    const UniqueFd folder(openat(upper.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder) return Error::system(errno, "open {}", path);
    const auto names = TRY(list_directory(format("/proc/self/fd/{}", folder.get())));
    if (in_image && is_opaque(folder)) TRY(add_hidden(path, names));
    for (const auto& name : names) TRY(add(folder, path + "/" + name, name));
    return {};
  }
  std::vector<FileChange> take() {
    std::sort(changes_.begin(), changes_.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
    return std::move(changes_);
  }

 private:
  bool is_in_image(const std::string& path) const {
    const size_t slash = path.rfind('/');
    const auto folder = open_in_root(image_, path.substr(0, slash), O_PATH | O_DIRECTORY | O_NOFOLLOW);
    struct stat info {};
    return folder && fstatat(folder->get(), path.c_str() + slash + 1, &info, AT_SYMLINK_NOFOLLOW) == 0;
  }

  static bool is_mount_point(const UniqueFd& folder, const std::string& name, const std::string& path,
                             const struct stat& info) {
    const auto& points = mount_points();
    if (std::find(points.begin(), points.end(), path.substr(1)) == points.end()) return false;
    if (!S_ISDIR(info.st_mode)) return info.st_size == 0;
    const auto names = list_directory(format("/proc/self/fd/{}/{}", folder.get(), name));
    return names && names->empty();
  }

  Result<void> add(const UniqueFd& folder, const std::string& path, const std::string& name) {
    struct stat info {};
    if (fstatat(folder.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      return errno == ENOENT ? Result<void>() : Error::system(errno, "stat {}", path);
    }
    const bool known = is_in_image(path);
    if (is_whiteout(info)) {
      if (known) changes_.push_back({FileChangeKind::deleted, path});
      return {};
    }
    if (!known && is_mount_point(folder, name, path, info)) return {};
    changes_.push_back({known ? FileChangeKind::changed : FileChangeKind::added, path});
    if (!S_ISDIR(info.st_mode)) return {};
    const UniqueFd below(openat(folder.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!below) return Error::system(errno, "open {}", path);
    return compare(below, path, known);
  }

  // What an opaque folder hides without anything in its place.
  Result<void> add_hidden(const std::string& path, const std::vector<std::string>& present) {
    const auto folder = open_in_root(image_, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!folder) return {};
    for (const auto& name : TRY(list_directory(format("/proc/self/fd/{}", folder->get())))) {
      if (std::find(present.begin(), present.end(), name) == present.end()) {
        changes_.push_back({FileChangeKind::deleted, path + "/" + name});
      }
    }
    return {};
  }

  BorrowedFd image_;
  std::vector<FileChange> changes_;
};

}  // namespace

const std::vector<std::string>& mount_points() {
  static const std::vector<std::string> points = {"dev",          "proc",      "sys",
                                                  "etc/hostname", "etc/hosts", "etc/resolv.conf"};
  return points;
}

Result<std::vector<FileChange>> Engine::changes(const std::string& reference) const {
  const std::string id = TRY(resolve_reference(*context_, reference));
  const ContainerPaths paths = context_->layout.container(id);
  const auto record = TRY(read_record(paths));
  const auto image = TRY(context_->images.resolve(record.image_id));
  BuildRootOptions options;
  options.lower = TRY(context_->images.lower_directories(image));
  const auto root = TRY(make_build_root(options));
  const UniqueFd lower = TRY(open_file(root.rootfs(), O_PATH | O_DIRECTORY));
  const UniqueFd upper = TRY(open_file(paths.upper(), O_RDONLY | O_DIRECTORY));
  Comparison comparison(lower);
  TRY(comparison.compare(upper, "", true));
  return comparison.take();
}

}  // namespace gantry::engine
