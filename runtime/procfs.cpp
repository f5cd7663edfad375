#include "runtime/procfs.h"

#include "base/files.h"
#include "runtime/syscalls.h"

#include <charconv>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

namespace gantry::runtime {
namespace {

constexpr ino_t proc_root_inode = 1;
constexpr size_t longest_status = 64 * 1024;

Result<void> parse_mask(std::string_view status, std::string_view label, uint64_t& mask) {
  const size_t at = status.find(label);
  const char* begin = at == std::string_view::npos ? nullptr : status.data() + at + label.size();
  if (begin != nullptr && std::from_chars(begin, status.data() + status.size(), mask, 16).ec == std::errc())
    return {};
  return Error::make(ErrorKind::corrupt, "/proc/self/status has no {}", label.substr(1, label.find(':') - 1));
}

}  // namespace

Result<UniqueFd> open_trusted_procfs() {
  const UniqueFd context(::fsopen("proc", FSOPEN_CLOEXEC));
  if (context && ::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) == 0) {
    UniqueFd mounted(::fsmount(context.get(), FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV));
    if (mounted) return mounted;
  }
  UniqueFd host(::open("/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct statfs system {};
  struct stat info {};
  if (!host || ::fstatfs(host.get(), &system) != 0 || ::fstat(host.get(), &info) != 0) {
    return Error::system(errno, "open /proc");
  }
  if (system.f_type != PROC_SUPER_MAGIC || info.st_ino != proc_root_inode) {
    return Error::make(ErrorKind::corrupt, "/proc is not the root of a procfs");
  }
  return host;
}

Result<OwnStatus> read_own_status(BorrowedFd procfs) {
  const UniqueFd file(::openat(procfs.get(), "self/status", O_RDONLY | O_CLOEXEC));
  if (!file) return Error::system(errno, "open /proc/self/status");
  const std::string text = TRY(read_piece(file, longest_status).context("read /proc/self/status"));
  OwnStatus own;
  TRY(parse_mask(text, "\nSigIgn:\t", own.ignored_signals));
  TRY(parse_mask(text, "\nCapPrm:\t", own.permitted));
  TRY(parse_mask(text, "\nCapBnd:\t", own.bounding));
  own.is_root = text.find("\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\n") != std::string::npos;
  return own;
}

Result<void> write_process_file(BorrowedFd procfs, pid_t pid, const char* name, std::string_view data) {
  const std::string path = format("{}/{}", pid, name);
  const UniqueFd file =
      open_resolved(procfs, path.c_str(), O_WRONLY, RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS);
  if (!file) return Error::system(errno, "open /proc/{}", path);
  if (::write(file.get(), data.data(), data.size()) >= 0) return {};
  return Error::system(errno, "write /proc/{}", path);
}

}  // namespace gantry::runtime
