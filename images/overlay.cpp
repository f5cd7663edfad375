#include "images/overlay.h"

#include "base/fd.h"
#include "base/files.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace gantry::images {
namespace {

constexpr size_t fsconfig_value_limit = 256;  // with its NUL; fs/fsopen.c
constexpr long ninep_magic = 0x01021997;

Result<void> check_upper(const std::string& upper) {
  struct statfs info {};
  if (statfs(upper.c_str(), &info) != 0) return Error::system(errno, "overlay upper {}", upper);
  std::string_view kind;
  if (info.f_type == OVERLAYFS_SUPER_MAGIC) kind = "overlay";
  if (info.f_type == ninep_magic) kind = "9p";
  if (info.f_type == NFS_SUPER_MAGIC) kind = "nfs";
  if (kind.empty()) return {};
  return Error::make(
      ErrorKind::unsupported,
      "overlay upper {}: is on {}, which can't hold an overlay's upper folder: put the state root on "
      "ext4, xfs, btrfs or tmpfs",
      upper, kind);
}

// The layers' folders held open, so that /proc/self/fd/N names them shortly.
struct LowerNames {
  std::vector<UniqueFd> folders;
  std::vector<std::string> names;
};

// Names longer than `limit`, and ones that mount's option syntax would misread, go by a link.
Result<LowerNames> name_lowers(const OverlayMount& overlay, size_t limit) {
  LowerNames lower;
  for (const auto& path : overlay.lower) {
    if (path.size() < limit && path.find_first_of(":,\\") == std::string::npos) {
      lower.names.push_back(path);
      continue;
    }
    lower.folders.push_back(TRY(open_file(path, O_PATH | O_DIRECTORY)));
    lower.names.push_back(format("/proc/self/fd/{}", lower.folders.back().get()));
  }
  return lower;
}

Error kernel_says(const UniqueFd& context, int error, std::string_view what) {
  std::string text(1024, '\0');
  const ssize_t got = read(context.get(), text.data(), text.size());  // "e message", if it has one
  text.resize(got > 2 ? static_cast<size_t>(got) : 0);
  while (text.ends_with('\n')) text.pop_back();
  if (text.empty()) return Error::system(error, "overlay: {}", what);
  return Error::system(error, "overlay: {}: {}", what, text.substr(2));
}

Result<void> set(const UniqueFd& context, const char* key, const std::string& value) {
  if (syscall(SYS_fsconfig, context.get(), FSCONFIG_SET_STRING, key, value.c_str(), 0) == 0) return {};
  const int error = errno;
  return kernel_says(context, error, format("{}={}", key, value));
}

// False where the kernel doesn't know lowerdir+.
Result<bool> add_lowers(const UniqueFd& context, const LowerNames& lower) {
  for (size_t i = 0; i < lower.names.size(); ++i) {
    if (auto added = set(context, "lowerdir+", lower.names[i]); !added) {
      if (i == 0 && added.error().system_errno() == EINVAL) return false;
      return std::move(added).error();
    }
  }
  return true;
}

Result<void> attach(const UniqueFd& context, const OverlayMount& overlay, const std::string& target) {
  if (syscall(SYS_fsconfig, context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
    const int error = errno;
    return kernel_says(context, error, "create");
  }
  const unsigned flags = overlay.upper.empty() ? MOUNT_ATTR_RDONLY : 0;
  const UniqueFd tree(static_cast<int>(syscall(SYS_fsmount, context.get(), FSMOUNT_CLOEXEC, flags)));
  if (!tree) return Error::system(errno, "overlay: mount");
  if (syscall(SYS_move_mount, tree.get(), "", AT_FDCWD, target.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0) {
    return Error::system(errno, "overlay: attach at {}", target);
  }
  return {};
}

// Until 6.5 overlay has no parameters of its own: fs_context takes every key, lowerdir+ too, and the mount
// then fails with EINVAL. So one that can't exist is offered first.
bool takes_any_key(const UniqueFd& context) {
  return syscall(SYS_fsconfig, context.get(), FSCONFIG_SET_FLAG, "gantry_probe", nullptr, 0) == 0;
}

// False where the kernel lacks fsopen (before 5.2) or lowerdir+ (before 6.5).
Result<bool> mount_by_fsconfig(const OverlayMount& overlay, const std::string& target) {
  const UniqueFd context(static_cast<int>(syscall(SYS_fsopen, "overlay", FSOPEN_CLOEXEC)));
  if (!context) {
    const int error = errno;
    if (error == ENOSYS) return false;
    return Error::system(error, "overlay: open file system");
  }
  if (takes_any_key(context)) return false;
  const auto lower = TRY(name_lowers(overlay, fsconfig_value_limit));
  if (!TRY(add_lowers(context, lower))) return false;
  TRY(set(context, "index", "off"));
  TRY(set(context, "metacopy", "off"));
  TRY(set(context, "redirect_dir", "off"));
  if (!overlay.upper.empty()) {
    TRY(set(context, "upperdir", overlay.upper));
    TRY(set(context, "workdir", overlay.work));
    if (overlay.volatile_upper &&
        syscall(SYS_fsconfig, context.get(), FSCONFIG_SET_FLAG, "volatile", nullptr, 0) != 0) {
      return Error::system(errno, "overlay: volatile");
    }
  }
  TRY(attach(context, overlay, target));
  return true;
}

Result<void> mount_by_options(const OverlayMount& overlay, const std::string& target) {
  const auto lower = TRY(name_lowers(overlay, 0));
  std::string options = "index=off,metacopy=off,redirect_dir=off,lowerdir=";
  for (size_t i = 0; i < lower.names.size(); ++i) options += (i == 0 ? "" : ":") + lower.names[i];
  if (!overlay.upper.empty()) options += format(",upperdir={},workdir={}", overlay.upper, overlay.work);
  if (!overlay.upper.empty() && overlay.volatile_upper) options += ",volatile";
  const unsigned long flags = overlay.upper.empty() ? MS_RDONLY : 0;
  if (mount("overlay", target.c_str(), "overlay", flags, options.c_str()) == 0) return {};
  return Error::system(errno, "overlay: mount at {} with {} layers", target, lower.names.size());
}

Result<void> bind_read_only(const std::string& source, const std::string& target) {
  if (mount(source.c_str(), target.c_str(), nullptr, MS_BIND, nullptr) != 0) {
    return Error::system(errno, "bind {} at {}", source, target);
  }
  if (mount(nullptr, target.c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr) == 0) return {};
  const int error = errno;
  umount2(target.c_str(), MNT_DETACH);
  return Error::system(error, "make {} read-only", target);
}

}  // namespace

Result<void> mount_overlay(const OverlayMount& overlay, const std::string& target) {
  if (overlay.lower.empty()) return Error(ErrorKind::invalid, "overlay: the image has no layers");
  if (overlay.upper.empty() && overlay.lower.size() == 1) return bind_read_only(overlay.lower[0], target);
  if (!overlay.upper.empty()) TRY(check_upper(overlay.upper));
  if (TRY(mount_by_fsconfig(overlay, target))) return {};
  return mount_by_options(overlay, target);
}

}  // namespace gantry::images
