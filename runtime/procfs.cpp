#include "runtime/procfs.h"

#include "base/files.h"
#include "runtime/clean_path.h"
#include "runtime/syscalls.h"

#include <algorithm>
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

bool is_procfs(BorrowedFd file) {
  struct statfs system {};
  return ::fstatfs(file.get(), &system) == 0 && system.f_type == PROC_SUPER_MAGIC;
}

bool maps_ids_of(const oci::Mount& mount) {
  const auto is_id_map = [](const auto& option) { return option.find("idmap") != std::string::npos; };
  return !mount.uid_mappings.empty() || !mount.gid_mappings.empty() ||
         std::any_of(mount.options.begin(), mount.options.end(), is_id_map);
}

}  // namespace

Result<UniqueFd> open_trusted_procfs() {
  const UniqueFd context(::fsopen("proc", FSOPEN_CLOEXEC));
  if (context && ::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) == 0) {
    UniqueFd mounted(::fsmount(context.get(), FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV));
    if (mounted) return mounted;
  }
  UniqueFd host(::open("/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!host) return Error::system(errno, "open /proc");
  if (is_procfs_root(host)) return host;
  return Error::make(ErrorKind::corrupt, "/proc is not the root of a procfs");
}

bool is_procfs_root(BorrowedFd folder) {
  struct stat info {};
  return is_procfs(folder) && ::fstat(folder.get(), &info) == 0 && info.st_ino == proc_root_inode;
}

bool needs_procfs(const oci::Process& process, const oci::Linux& container) {
  return process.oom_score_adj || !process.apparmor_profile.empty() || !process.selinux_label.empty() ||
         (container.seccomp && !container.seccomp->listener_path.empty());
}

bool needs_procfs(const oci::RuntimeConfig& config) {
  const oci::Linux& container = *config.linux_;
  const bool maps_ids =
      !container.uid_mappings.empty() || !container.gid_mappings.empty() ||
      std::any_of(container.namespaces.begin(), container.namespaces.end(),
                  [](const auto& space) { return space.type == oci::NamespaceType::user; }) ||
      std::any_of(config.mounts.begin(), config.mounts.end(), maps_ids_of);
  return needs_procfs(*config.process, container) || maps_ids || !container.time_offsets.empty() ||
         !container.net_devices.empty() || (!container.sysctl.empty() && !mounts_plain_proc(config));
}

bool mounts_plain_proc(const oci::RuntimeConfig& config) {
  const auto& spaces = config.linux_->namespaces;
  const bool alone = std::any_of(spaces.begin(), spaces.end(), [](const auto& space) {
    return space.type == oci::NamespaceType::mount && space.path.empty();
  });
  if (!alone) return false;
  const auto at_proc = [](const oci::Mount& mount) { return clean_path(mount.destination) == "/proc"; };
  const auto found = std::find_if(config.mounts.begin(), config.mounts.end(), at_proc);
  if (found == config.mounts.end() || found->type != "proc") return false;
  constexpr std::string_view plain[] = {"nosuid", "noexec", "nodev", "relatime", "rw", "defaults"};
  const bool has_plain_options =
      std::all_of(found->options.begin(), found->options.end(), [&](const auto& option) {
        return std::find(std::begin(plain), std::end(plain), option) != std::end(plain);
      });
  return has_plain_options && std::none_of(found + 1, config.mounts.end(), at_proc);
}

Result<OwnStatus> read_own_status() {
  UniqueFd file(::open("/proc/self/status", O_RDONLY | O_CLOEXEC));
  if (!file || !is_procfs(file)) {
    const UniqueFd procfs = TRY(open_trusted_procfs());
    file = UniqueFd(::openat(procfs.get(), "self/status", O_RDONLY | O_CLOEXEC));
  }
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
