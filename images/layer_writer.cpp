#include "images/layer_writer.h"

#include "base/files.h"
#include "images/tar_fields.h"

#include <algorithm>
#include <climits>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace gantry::images {
namespace {

constexpr std::string_view whiteout_prefix = ".wh.";
constexpr std::string_view aufs_prefix = ".wh..wh.";
constexpr std::string_view opaque_marker = ".wh..wh..opq";
constexpr size_t folder_times_limit = size_t{256} << 20;  // some two million folders
constexpr uint64_t preallocate_from = uint64_t{4} << 20;
constexpr uint64_t preallocate_step = uint64_t{64}
                                      << 20;  // most that a header can take before its data comes

// The host's own: a label of the machine that made the image would hide the file from its container here.
bool is_hosts_own(std::string_view xattr) {
  return xattr == "security.selinux" || xattr == "system.nfs4_acl";
}

bool is_overlays_own(std::string_view xattr) {
  return xattr.starts_with("trusted.overlay.") || xattr.starts_with("user.overlay.");
}

Result<void> write_at(BorrowedFd file, std::string_view bytes, uint64_t offset) {
  while (!bytes.empty()) {
    const ssize_t put = pwrite(file.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    const int error = errno;
    if (put < 0 && error == EINTR) continue;
    if (put < 0) return Error::system(error, "write");
    bytes.remove_prefix(static_cast<size_t>(put));
    offset += static_cast<uint64_t>(put);
  }
  return {};
}

}  // namespace

Result<void> LayerWriter::apply(const TarEntry& entry) {
  const auto path = RootedPath::clean(entry.path);
  if (path.parent.size() + path.name.size() + 1 >= PATH_MAX) {
    return Error::make(ErrorKind::invalid, "its name is longer than the {} bytes that Linux takes",
                       PATH_MAX - 1);
  }
  if (path.name.empty()) return set_root(entry);
  if (path.name.starts_with(whiteout_prefix)) return apply_whiteout(path);
  result_.entries += 1;
  switch (entry.type) {
    case TarType::file:
      return make_file(entry, path);
    case TarType::hard_link:
      return make_hard_link(entry, path);
    case TarType::symlink:
      return make_symlink(entry, path);
    case TarType::directory:
      return make_directory(entry, path);
    case TarType::character_device:
    case TarType::block_device:
    case TarType::fifo:
      return make_node(entry, path);
  }
  return {};
}

Result<void> LayerWriter::apply_whiteout(const RootedPath& path) {
  // Some tools hide what is in a hidden folder, too: ".wh.a", then "a/.wh.b".
  const auto hidden = root_.open_at(path.parent, O_PATH | O_DIRECTORY);
  if (!hidden && hidden.error().system_errno() == ENOTDIR) return {};
  if (path.name == opaque_marker) return set_opaque(TRY(root_.parent(path.parent)));
  if (path.name.starts_with(aufs_prefix)) return {};  // aufs's own bookkeeping, no part of the image
  const std::string name = path.name.substr(whiteout_prefix.size());
  if (name.empty() || name == "." || name == "..") {
    return Error(ErrorKind::invalid, "a whiteout without a name");
  }
  const BorrowedFd parent = TRY(root_.parent(path.parent));
  if (mknodat(parent.get(), name.c_str(), S_IFCHR, makedev(0, 0)) == 0) return {};
  const int error = errno;
  if (error != EEXIST) return Error::system(error, "make whiteout");
  // The layer holds the name itself too: it hides the lower layers' as it is, but a folder would be merged.
  UniqueFd folder(openat(parent.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  return folder ? set_opaque(folder) : Result<void>();
}

Result<void> LayerWriter::set_root(const TarEntry& entry) {
  if (entry.type != TarType::directory) {
    return Error(ErrorKind::invalid, "the root of a layer must be a folder");
  }
  TRY(remember_time("", entry.mtime));
  return set_metadata(entry, root_.root());
}

Result<void> LayerWriter::replace(BorrowedFd parent, const RootedPath& path) {
  TRY(remove_tree_at(parent, path.name));
  // A parent that went through it is gone, or another one. `parent` itself is none of these, but its
  // descriptor may have been in the cache: callers get it again.
  root_.forget();
  return {};
}

Result<void> LayerWriter::make_file(const TarEntry& entry, const RootedPath& path) {
  constexpr int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  const mode_t mode = entry.mode & 0777U;
  BorrowedFd parent = TRY(root_.parent(path.parent));
  UniqueFd file(openat(parent.get(), path.name.c_str(), flags, mode));
  if (!file && errno == EEXIST) {
    TRY(replace(parent, path));
    parent = TRY(root_.parent(path.parent));
    file = UniqueFd(openat(parent.get(), path.name.c_str(), flags, mode));
  }
  if (!file) return Error::system(errno, "make file");
  TRY(write_data(entry, file));
  return set_metadata(entry, file);
}

Result<void> LayerWriter::write_data(const TarEntry& entry, BorrowedFd file) {
  // Before the first byte: what a header claims costs nothing until its data is there.
  // Holes are counted in their own file alone: they take no space, but whoever reads it gets them.
  if (entry.stored_size > size_limit_ - result_.size || entry.size > size_limit_) {
    return Error::make(ErrorKind::invalid,
                       "its {} bytes make the layer unpack to more than the limit of {} bytes", entry.size,
                       size_limit_);
  }
  TRY(entry.is_sparse ? write_runs(entry, file) : write_whole(entry, file));
  result_.size += entry.stored_size;
  return {};
}

Result<void> LayerWriter::write_whole(const TarEntry& entry, BorrowedFd file) {
  uint64_t allocated = entry.size >= preallocate_from ? 0 : entry.size;
  for (uint64_t written = 0;;) {
    const std::string_view piece = TRY(reader_.data());
    if (piece.empty()) return {};
    if (written + piece.size() > allocated) {
      const uint64_t step = std::min(preallocate_step, entry.size - allocated);
      // Only a hint: not every file system can.
      (void)fallocate(file.get(), FALLOC_FL_KEEP_SIZE, static_cast<off_t>(allocated),
                      static_cast<off_t>(step));
      allocated += step;
    }
    TRY(write_all(file, piece));
    written += piece.size();
  }
}

Result<void> LayerWriter::write_runs(const TarEntry& entry, BorrowedFd file) {
  std::string_view piece;
  for (const auto& run : entry.runs) {
    for (uint64_t done = 0; done < run.length;) {
      if (piece.empty()) piece = TRY(reader_.data());
      if (piece.empty()) return Error(ErrorKind::corrupt, "a sparse file's data is too short");
      const std::string_view part = piece.substr(0, run.length - done);
      TRY(write_at(file, part, run.offset + done));
      done += part.size();
      piece.remove_prefix(part.size());
    }
  }
  if (ftruncate(file.get(), static_cast<off_t>(entry.size)) != 0) return Error::system(errno, "set size");
  return {};
}

Result<void> LayerWriter::make_directory(const TarEntry& entry, const RootedPath& path) {
  BorrowedFd parent = TRY(root_.parent(path.parent));
  bool hides_lower = false;
  if (mkdirat(parent.get(), path.name.c_str(), entry.mode & 0777U) != 0) {
    const int error = errno;
    if (error != EEXIST) return Error::system(error, "make folder");
    struct stat info {};
    if (fstatat(parent.get(), path.name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      return Error::system(errno, "stat");
    }
    if (!S_ISDIR(info.st_mode)) {
      hides_lower = true;  // what the whiteout or file hid must not be merged into the new folder
      TRY(replace(parent, path));
      parent = TRY(root_.parent(path.parent));
      if (mkdirat(parent.get(), path.name.c_str(), entry.mode & 0777U) != 0)
        return Error::system(errno, "make folder");
    }
  }
  UniqueFd folder(openat(parent.get(), path.name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder) return Error::system(errno, "open folder");
  if (hides_lower) TRY(set_opaque(folder));
  TRY(remember_time(path.string(), entry.mtime));
  return set_metadata(entry, folder);
}

Result<void> LayerWriter::make_symlink(const TarEntry& entry, const RootedPath& path) {
  BorrowedFd parent = TRY(root_.parent(path.parent));
  int status = symlinkat(entry.link.c_str(), parent.get(), path.name.c_str());
  if (status != 0 && errno == EEXIST) {
    TRY(replace(parent, path));
    parent = TRY(root_.parent(path.parent));
    status = symlinkat(entry.link.c_str(), parent.get(), path.name.c_str());
  }
  if (status != 0) return Error::system(errno, "make symbolic link to \"{}\"", tar::printable(entry.link));
  if (fchownat(parent.get(), path.name.c_str(), entry.uid, entry.gid, AT_SYMLINK_NOFOLLOW) != 0) {
    return Error::system(errno, "chown");
  }
  if (!entry.xattrs.empty()) {
    const UniqueFd link(openat(parent.get(), path.name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!link) return Error::system(errno, "open link");
    TRY(set_xattrs(entry, format("/proc/self/fd/{}", link.get()), -1));
  }
  const timespec times[] = {entry.mtime, entry.mtime};
  if (utimensat(parent.get(), path.name.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0) {
    return Error::system(errno, "set times");
  }
  return {};
}

Result<void> LayerWriter::make_hard_link(const TarEntry& entry, const RootedPath& path) {
  const auto target = RootedPath::clean(entry.link);
  if (target.string() == path.string()) return {};
  // An O_PATH descriptor of the target's folder, found inside the root; the name in it is not followed.
  const auto folder = root_.open_at(target.parent, O_PATH | O_DIRECTORY);
  if (!folder || target.name.empty()) {
    return Error::make(ErrorKind::invalid, "hard link to \"{}\", which isn't in this layer",
                       tar::printable(entry.link));
  }
  BorrowedFd parent = TRY(root_.parent(path.parent));
  int status = linkat(folder->get(), target.name.c_str(), parent.get(), path.name.c_str(), 0);
  if (status != 0 && errno == EEXIST) {
    struct stat there {};
    struct stat wanted {};
    const bool known = fstatat(parent.get(), path.name.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0 &&
                       fstatat(folder->get(), target.name.c_str(), &wanted, AT_SYMLINK_NOFOLLOW) == 0;
    if (!known)
      return Error::make(ErrorKind::invalid, "hard link to \"{}\", which isn't in this layer",
                         tar::printable(entry.link));
    if (there.st_ino == wanted.st_ino) return {};
    TRY(replace(parent, path));
    parent = TRY(root_.parent(path.parent));
    status = linkat(folder->get(), target.name.c_str(), parent.get(), path.name.c_str(), 0);
  }
  if (status == 0) return {};
  const int error = errno;
  if (error == ENOENT) {
    return Error::make(ErrorKind::invalid, "hard link to \"{}\", which isn't in this layer",
                       tar::printable(entry.link));
  }
  return Error::system(error, "hard link to \"{}\"", tar::printable(entry.link));
}

Result<void> LayerWriter::make_node(const TarEntry& entry, const RootedPath& path) {
  mode_t type = S_IFIFO;
  if (entry.type == TarType::character_device) type = S_IFCHR;
  if (entry.type == TarType::block_device) type = S_IFBLK;
  const dev_t device = type == S_IFIFO ? 0 : makedev(entry.device_major, entry.device_minor);
  BorrowedFd parent = TRY(root_.parent(path.parent));
  int status = mknodat(parent.get(), path.name.c_str(), type | 0600U, device);
  if (status != 0 && errno == EEXIST) {
    TRY(replace(parent, path));
    parent = TRY(root_.parent(path.parent));
    status = mknodat(parent.get(), path.name.c_str(), type | 0600U, device);
  }
  if (status != 0) return Error::system(errno, "make device or fifo");
  // Devices and fifos are never opened: O_PATH, then by the magic link, which leads to the node itself.
  const UniqueFd node(openat(parent.get(), path.name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!node) return Error::system(errno, "open node");
  const std::string proc = format("/proc/self/fd/{}", node.get());
  if (fchownat(node.get(), "", entry.uid, entry.gid, AT_EMPTY_PATH) != 0)
    return Error::system(errno, "chown");
  if (chmod(proc.c_str(), entry.mode) != 0) return Error::system(errno, "chmod");
  TRY(set_xattrs(entry, proc, -1));
  const timespec times[] = {entry.mtime, entry.mtime};
  if (utimensat(AT_FDCWD, proc.c_str(), times, 0) != 0) return Error::system(errno, "set times");
  return {};
}

// chown clears setuid and capabilities, and so does writing: data, owner, mode, attributes, time, in this
// order.
Result<void> LayerWriter::set_metadata(const TarEntry& entry, BorrowedFd file) {
  struct stat made {};
  if (fstat(file.get(), &made) != 0) return Error::system(errno, "stat");
  // A look is cheaper than a change, and most files were made as they are to be.
  if (made.st_uid != entry.uid || made.st_gid != entry.gid) {
    if (fchown(file.get(), entry.uid, entry.gid) != 0) {
      return Error::system(errno, "chown to {}:{}", entry.uid, entry.gid);
    }
    made.st_mode = 0;  // it may have lost setuid and setgid
  }
  if ((made.st_mode & 07777U) != entry.mode && fchmod(file.get(), entry.mode) != 0) {
    return Error::system(errno, "chmod");
  }
  TRY(set_xattrs(entry, "", file.get()));
  if (entry.type == TarType::directory) return {};
  const timespec times[] = {entry.mtime, entry.mtime};
  if (futimens(file.get(), times) != 0) return Error::system(errno, "set times");
  return {};
}

Result<void> LayerWriter::set_xattrs(const TarEntry& entry, const std::string& proc_path, int fd) {
  for (const auto& [name, value] : entry.xattrs) {
    if (is_hosts_own(name)) continue;
    // A layer that could set these would choose what overlay shows of other layers.
    if (is_overlays_own(name)) {
      return Error::make(ErrorKind::invalid, "extended attribute {} is overlay's own", tar::printable(name));
    }
    const int status = fd >= 0 ? fsetxattr(fd, name.c_str(), value.data(), value.size(), 0)
                               : setxattr(proc_path.c_str(), name.c_str(), value.data(), value.size(), 0);
    if (status == 0) continue;
    const int error = errno;
    if (error != EOPNOTSUPP) return Error::system(error, "set extended attribute {}", tar::printable(name));
    if (refused_xattrs_.insert(name).second) {
      result_.warnings.push_back(format("{}: the file system doesn't take extended attribute {}",
                                        tar::printable(entry.path), tar::printable(name)));
    }
  }
  return {};
}

Result<void> LayerWriter::remember_time(std::string path, timespec time) {
  folder_times_size_ += sizeof(folder_times_[0]) + path.size();
  if (folder_times_size_ > folder_times_limit) {
    return Error::make(ErrorKind::invalid, "the layer has more folders than {} MiB can hold the names of",
                       folder_times_limit >> 20U);
  }
  folder_times_.emplace_back(std::move(path), time);
  return {};
}

// In the archive's order: of a folder that is in it twice, the later time counts.
Result<void> LayerWriter::finish() {
  for (const auto& [path, time] : folder_times_) {
    const auto folder = root_.open_at(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!folder) continue;  // replaced by a later entry
    const timespec times[] = {time, time};
    if (futimens(folder->get(), times) != 0)
      return Error::system(errno, "set times of {}", tar::printable(path));
  }
  return {};
}

Unpacked LayerWriter::take_result() {
  return std::move(result_);
}

}  // namespace gantry::images
