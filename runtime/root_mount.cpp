#include "runtime/root_mount.h"

#include "base/files.h"
#include "base/text.h"

#include <cstdlib>
#include <fcntl.h>
#include <memory>
#include <sys/mount.h>
#include <sys/stat.h>

namespace gantry::runtime {
namespace {

#ifndef STATX_MNT_ID_UNIQUE
constexpr unsigned STATX_MNT_ID_UNIQUE = 0x4000;
#endif

// Zeros for what the kernel doesn't tell.
Result<MountIdentity> identify(BorrowedFd folder, const char* path) {
  MountIdentity mount;
  struct statx info {};
  const int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH;
  if (::statx(folder.get(), path, flags, STATX_MNT_ID, &info) != 0) return Error::system(errno, "statx");
  if ((info.stx_mask & STATX_MNT_ID) != 0) mount.id = info.stx_mnt_id;
  if (::statx(folder.get(), path, flags, STATX_MNT_ID_UNIQUE, &info) != 0)
    return Error::system(errno, "statx");
  if ((info.stx_mask & STATX_MNT_ID_UNIQUE) != 0) mount.unique = info.stx_mnt_id;
  return mount;
}

bool is_same(const MountIdentity& one, const MountIdentity& other) {
  return one.id == other.id && one.unique == other.unique;
}

// As mountinfo writes it: space, tab, newline and backslash as \040 and the like.
std::string escape(const std::string& path) {
  std::string text;
  for (const char c : path) {
    if (c == ' ') {
      text += "\\040";
    } else if (c == '\t') {
      text += "\\011";
    } else if (c == '\n') {
      text += "\\012";
    } else if (c == '\\') {
      text += "\\134";
    } else {
      text += c;
    }
  }
  return text;
}

// "ID PARENT MAJOR:MINOR ROOT MOUNTPOINT …". proc_pid_mountinfo(5).
Result<bool> is_mounted_at(const std::string& path, uint64_t id) {
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr), &std::free);
  if (!real) return Error::system(errno, "find {}", path);
  const std::string place = escape(real.get());
  const std::string number = std::to_string(id);
  for (const auto& line : split(TRY(read_file("/proc/self/mountinfo")), '\n')) {
    const auto fields = split(line, ' ');
    if (fields.size() > 4 && fields[0] == number && fields[4] == place) return true;
  }
  return false;
}

}  // namespace

Result<MountIdentity> identify_mount(BorrowedFd tree) {
  const auto mount = TRY(identify(tree, "").context("identify the mount of the rootfs"));
  if (mount.exists()) return mount;
  return Error::make(ErrorKind::unsupported, "the kernel does not tell a mount's id");
}

Result<void> detach_root(const std::string& path, const MountIdentity& mount) {
  auto found = identify(BorrowedFd(AT_FDCWD), path.c_str());
  if (!found && found.error().kind() == ErrorKind::not_found) return {};
  const auto there = TRY(std::move(found));
  if (is_same(there, mount)) {
    if (::umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) return {};
    return Error::system(errno, "unmount");
  }
  if (!TRY(is_mounted_at(path, mount.id))) return {};
  return Error::make(ErrorKind::conflict, "another mount covers the container's: unmount that first");
}

}  // namespace gantry::runtime
