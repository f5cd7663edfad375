#include "runtime/devices.h"

#include "runtime/clean_path.h"
#include "runtime/device_nodes.h"
#include "runtime/root_path.h"
#include "runtime/syscalls.h"

#include <algorithm>
#include <climits>
#include <cstring>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace gantry::runtime {
namespace {

struct DefaultDevice {
  const char* path;
  unsigned major;
  unsigned minor;
};

// Source: runtime-spec config-linux.md "Default Devices".
constexpr DefaultDevice default_devices[] = {
    {"/dev/null", 1, 3},   {"/dev/zero", 1, 5},    {"/dev/full", 1, 7},
    {"/dev/random", 1, 8}, {"/dev/urandom", 1, 9}, {"/dev/tty", 5, 0},
};

struct DefaultLink {
  const char* name;
  const char* target;
};

constexpr DefaultLink default_links[] = {
    {"fd", "/proc/self/fd"},
    {"stdin", "/proc/self/fd/0"},
    {"stdout", "/proc/self/fd/1"},
    {"stderr", "/proc/self/fd/2"},
};

Result<mode_t> type_bits(const oci::Device& device) {
  if (device.type == "c" || device.type == "u") return S_IFCHR;
  if (device.type == "b") return S_IFBLK;
  if (device.type == "p") return S_IFIFO;
  return Error::make(ErrorKind::invalid, "device {}: type must be c, b, u or p, found \"{}\"", device.path,
                     device.type);
}

Result<DevicePlan> plan_device(const oci::Device& device) {
  if (device.path.empty() || device.path[0] != '/') {
    return Error::make(ErrorKind::invalid, "device path must be absolute, found \"{}\"", device.path);
  }
  DevicePlan plan;
  plan.path = device.path;
  plan.mode = TRY(type_bits(device)) | (device.file_mode.value_or(0666) & 07777);
  if (!S_ISFIFO(plan.mode)) {
    if (device.major < 0 || device.minor < 0 || device.major > 4095 || device.minor > 1048575) {
      return Error::make(ErrorKind::invalid, "device {}: number {}:{} is out of range", device.path,
                         device.major, device.minor);
    }
    plan.number = makedev(static_cast<unsigned>(device.major), static_cast<unsigned>(device.minor));
  }
  plan.uid = device.uid.value_or(0);
  plan.gid = device.gid.value_or(0);
  plan.asked = true;
  return plan;
}

bool is_bound_from_host(const oci::RuntimeConfig& config) {
  return std::any_of(config.mounts.begin(), config.mounts.end(), [](const oci::Mount& mount) {
    const bool bind = mount.type == "bind" ||
                      std::any_of(mount.options.begin(), mount.options.end(),
                                  [](const auto& option) { return option == "bind" || option == "rbind"; });
    return bind && clean_path(mount.destination) == "/dev";
  });
}

// Sets `bound` when `dev` is what the bind `mount` put there: the same folder, by the same mount.
Failure compare_with_bind(BorrowedFd dev, const struct stat& info, const MountPlan& mount, bool& bound) {
  if (mount.type != "bind" || !mount.folder || bound) return {};
  if (info.st_dev != mount.device || info.st_ino != mount.inode) return {};
  struct statx ours {};
  struct statx theirs {};
  if (::statx(dev.get(), "", AT_EMPTY_PATH, STATX_MNT_ID, &ours) != 0 ||
      ::statx(mount.tree.get(), "", AT_EMPTY_PATH, STATX_MNT_ID, &theirs) != 0) {
    return {"read the mount of /dev of the container", errno};
  }
  bound = ours.stx_mnt_id == theirs.stx_mnt_id;
  return {};
}

// Root of a user namespace makes no devices: the host's own is bound, as long as it can be seen.
Failure bind_host_node(BorrowedFd folder, const char* name, const DevicePlan& plan) {
  const char* path = plan.path.c_str();
  const UniqueFd tree = clone_tree(BorrowedFd(AT_FDCWD), path, false);
  struct stat info {};
  if (!tree || ::fstat(tree.get(), &info) != 0) return {"make device %s", EPERM, path};
  if ((info.st_mode & S_IFMT) != (plan.mode & S_IFMT) || info.st_rdev != plan.number) {
    return {"device %s: the host's node is another device, and a user namespace can't make one", 0, path};
  }
  const UniqueFd target = make_target_in_root(folder, name, false);
  if (!target || set_mount_attributes(tree, 0, 0, MS_PRIVATE, false) != 0 || attach_tree(tree, target) != 0) {
    return {"bind device %s", errno, path};
  }
  return {};
}

// `as_root`: what is made in `folder` belongs to user and group 0 by itself.
Failure make_node(BorrowedFd folder, const char* name, const DevicePlan& plan, bool as_root) {
  const char* path = plan.path.c_str();
  if (plan.tree) {
    const UniqueFd target = make_target_in_root(folder, name, false);
    if (!target || attach_tree(plan.tree, target) != 0) return {"bind device %s", errno, path};
    return {};
  }
  if (::mknodat(folder.get(), name, plan.mode, plan.number) == 0) {
    if (as_root && plan.uid == 0 && plan.gid == 0) return {};
    if (::fchownat(folder.get(), name, plan.uid, plan.gid, AT_SYMLINK_NOFOLLOW) == 0) return {};
    return {"change the owner of device %s", errno, path};
  }
  if (errno == EPERM) return bind_host_node(folder, name, plan);
  if (errno != EEXIST) return {"make device %s", errno, path};
  struct stat info {};
  if (::fstatat(folder.get(), name, &info, AT_SYMLINK_NOFOLLOW) != 0) return {"stat device %s", errno, path};
  const bool same = (info.st_mode & S_IFMT) == (plan.mode & S_IFMT) && info.st_rdev == plan.number;
  return same ? Failure{} : Failure{"make device %s: something else is there", EEXIST, path};
}

bool is_node(const struct stat& info, const DevicePlan& device) {
  return (info.st_mode & S_IFMT) == (device.mode & S_IFMT) && info.st_rdev == device.number;
}

// The host's node at the path, if it is that device.
Result<UniqueFd> open_host_node(const DevicePlan& device) {
  UniqueFd tree = clone_tree(BorrowedFd(AT_FDCWD), device.path.c_str(), false);
  if (!tree) return Error::system(errno, "device {}: open the host's node", device.path);
  struct stat info {};
  if (::fstat(tree.get(), &info) == 0 && is_node(info, device)) return tree;
  return Error::make(ErrorKind::unsupported,
                     "device {}: the host's node is another device, and a user namespace can't make one",
                     device.path);
}

// In a user namespace: a node made for linux.devices, with its owner and mode, or else the host's.
Result<void> bind_nodes(const oci::RuntimeConfig& config, DevicesPlan& plan) {
  DeviceNodes nodes(*config.linux_);
  for (auto& node : plan.nodes) {
    if (node.asked) node.tree = nodes.make(node);
    if (!node.tree) node.tree = TRY(open_host_node(node));
    // A node needs neither; crun binds it so, too.
    if (set_mount_attributes(node.tree, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, 0, MS_PRIVATE, false) != 0) {
      return Error::system(errno, "device {}: set its mount's flags", node.path);
    }
  }
  return {};
}

Failure make_node_at_path(BorrowedFd root, BorrowedFd dev, const DevicePlan& plan, bool as_root) {
  const char* path = plan.path.c_str();
  const bool directly_in_dev =
      std::strncmp(path, "/dev/", 5) == 0 && std::strchr(path + 5, '/') == nullptr && path[5] != '\0';
  if (directly_in_dev) return make_node(dev, path + 5, plan, as_root);
  char name[NAME_MAX + 1];
  const UniqueFd folder = std::strncmp(path, "/dev/", 5) == 0 ? make_parent_in_root(dev, path + 5, name)
                                                              : make_parent_in_root(root, path, name);
  if (!folder) return {"make the folder of device %s", errno, path};
  return make_node(folder, name, plan, false);
}

Failure make_link(BorrowedFd dev, const char* name, const char* target) {
  if (::symlinkat(target, dev.get(), name) == 0 || errno == EEXIST) return {};
  return {"make the link /dev/%s", errno, name};
}

// /dev/ptmx must be the container's own multiplexer, whatever the image has there.
Failure make_ptmx(BorrowedFd dev) {
  if (::symlinkat("pts/ptmx", dev.get(), "ptmx") == 0) return {};
  if (errno != EEXIST) return {"make the link /dev/ptmx", errno};
  if (::unlinkat(dev.get(), "ptmx", 0) != 0 && errno != ENOENT)
    return {"remove /dev/ptmx of the image", errno};
  return make_link(dev, "ptmx", "pts/ptmx");
}

}  // namespace

Result<DevicesPlan> plan_devices(const oci::RuntimeConfig& config, bool user_namespace) {
  DevicesPlan plan;
  plan.populate = !is_bound_from_host(config);
  plan.by_root = !user_namespace && ::getauxval(AT_EUID) == 0 && ::getauxval(AT_EGID) == 0;
  plan.kcore = ::access("/proc/kcore", F_OK) == 0;
  if (!plan.populate) return plan;
  for (const auto& entry : default_devices) {
    plan.nodes.push_back({entry.path, S_IFCHR | 0666, makedev(entry.major, entry.minor), 0, 0, {}, false});
  }
  for (const auto& device : config.linux_->devices) {
    DevicePlan node = TRY(plan_device(device));
    std::erase_if(plan.nodes, [&](const DevicePlan& other) { return other.path == node.path; });
    plan.nodes.push_back(std::move(node));
  }
  if (user_namespace) TRY(bind_nodes(config, plan));
  return plan;
}

std::vector<std::string> device_paths(const oci::RuntimeConfig& config) {
  std::vector<std::string> paths;
  for (const auto& entry : default_devices) paths.emplace_back(entry.path);
  for (const auto& device : config.linux_->devices) paths.push_back(device.path);
  return paths;
}

Failure make_devices(BorrowedFd root, UniqueFd dev, const DevicesPlan& plan,
                     const std::vector<MountPlan>& mounts) {
  if (!plan.populate) return {};
  if (!dev) dev = make_real_folder(root, "/dev");
  if (!dev) return {"open /dev of the container without following links", errno};
  struct stat info {};
  if (::fstat(dev.get(), &info) != 0) return {"stat /dev of the container", errno};
  bool bound = false;
  for (const auto& mount : mounts) STEP(compare_with_bind(dev, info, mount, bound));
  if (bound) return {};
  // A new file's group is its maker's, or its folder's where that is setgid or the file system wants it so.
  const bool as_root = plan.by_root && info.st_gid == 0;
  for (const auto& node : plan.nodes) STEP(make_node_at_path(root, dev, node, as_root));
  for (const auto& link : default_links) STEP(make_link(dev, link.name, link.target));
  if (plan.kcore) STEP(make_link(dev, "core", "/proc/kcore"));
  return make_ptmx(dev);
}

}  // namespace gantry::runtime
