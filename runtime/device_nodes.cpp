#include "runtime/device_nodes.h"

#include "runtime/syscalls.h"

#include <optional>
#include <sys/stat.h>

namespace gantry::runtime {
namespace {

UniqueFd make_folder() {
  const UniqueFd context(::fsopen("tmpfs", FSOPEN_CLOEXEC));
  if (!context || ::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) return UniqueFd();
  return UniqueFd(::fsmount(context.get(), FSMOUNT_CLOEXEC, 0));
}

std::optional<uint32_t> on_host(const std::vector<oci::IdMapping>& mappings, uint32_t id) {
  for (const auto& mapping : mappings) {
    if (id >= mapping.container_id && id - mapping.container_id < mapping.size)
      return mapping.host_id + (id - mapping.container_id);
  }
  return {};
}

}  // namespace

UniqueFd DeviceNodes::make(const DevicePlan& device) {
  const auto uid = on_host(config_.uid_mappings, device.uid);
  const auto gid = on_host(config_.gid_mappings, device.gid);
  if (!uid || !gid) return UniqueFd();
  if (!folder_) folder_ = make_folder();
  if (!folder_) return UniqueFd();
  const std::string name = std::to_string(++count_);
  // The mode once more, since the umask took its part.
  if (::mknodat(folder_.get(), name.c_str(), device.mode, device.number) != 0 ||
      ::fchownat(folder_.get(), name.c_str(), *uid, *gid, AT_SYMLINK_NOFOLLOW) != 0 ||
      ::fchmodat(folder_.get(), name.c_str(), device.mode & 07777, 0) != 0) {
    return UniqueFd();
  }
  return clone_tree(folder_, name.c_str(), false);
}

}  // namespace gantry::runtime
