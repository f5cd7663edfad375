#include "base/text.h"
#include "engine/bundle.h"
#include "engine/volumes.h"

#include <algorithm>

namespace gantry::engine {

namespace {

constexpr uint64_t default_shm_size = uint64_t{64} << 20;

bool is_propagation(const std::string& option) {
  static constexpr std::string_view names[] = {"private", "rprivate", "shared",    "rshared",
                                               "slave",   "rslave",   "unbindable"};
  return std::find(std::begin(names), std::end(names), option) != std::end(names);
}

oci::Mount bind_mount(const std::string& source, const MountSpec& mount) {
  oci::Mount bind;
  bind.destination = mount.destination;
  bind.type = "bind";
  bind.source = source;
  bind.options = {"rbind", mount.read_only ? "ro" : "rw"};
  bind.options.insert(bind.options.end(), mount.options.begin(), mount.options.end());
  if (std::none_of(mount.options.begin(), mount.options.end(), is_propagation)) {
    bind.options.emplace_back("rprivate");
  }
  return bind;
}

oci::Mount tmpfs_mount(const MountSpec& mount) {
  oci::Mount tmpfs;
  tmpfs.destination = mount.destination;
  tmpfs.type = "tmpfs";
  tmpfs.source = "tmpfs";
  tmpfs.options = {"noexec", "nosuid", "nodev"};
  if (mount.read_only) tmpfs.options.emplace_back("ro");
  tmpfs.options.insert(tmpfs.options.end(), mount.options.begin(), mount.options.end());
  return tmpfs;
}

oci::Mount etc_mount(const std::string& folder, const std::string& name) {
  return {"/etc/" + name, "bind", join_path(folder, name), {"rbind", "rprivate"}, {}, {}};
}

bool is_below(const oci::Mount& left, const oci::Mount& right) {
  const auto depth = [](const std::string& path) { return std::count(path.begin(), path.end(), '/'); };
  return depth(left.destination) < depth(right.destination);
}

oci::Mount shm_mount(const ContainerSpec& spec) {
  if (spec.ipc_mode == "host") {
    return {"/dev/shm", "bind", "/dev/shm", {"rbind", "rw", "rprivate"}, {}, {}};
  }
  const std::string size = format("size={}", spec.shm_size.value_or(default_shm_size));
  return {"/dev/shm", "tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777", size}, {}, {}};
}

}  // namespace

std::vector<oci::Mount> default_mounts(const ContainerSpec& spec) {
  const std::string sys = spec.privileged ? "rw" : "ro";
  std::vector<oci::Mount> mounts = {
      {"/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}, {}, {}},
      {"/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}, {}, {}},
      {"/dev/pts",
       "devpts",
       "devpts",
       {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"},
       {},
       {}},
      {"/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", sys}, {}, {}},
      {"/sys/fs/cgroup", "cgroup", "cgroup", {"nosuid", "noexec", "nodev", "relatime", sys}, {}, {}},
      {"/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}, {}, {}},
      shm_mount(spec)};
  // What the user mounts takes the place of a default.
  std::erase_if(mounts, [&](const oci::Mount& mount) {
    return std::any_of(spec.mounts.begin(), spec.mounts.end(),
                       [&](const MountSpec& own) { return own.destination == mount.destination; });
  });
  return mounts;
}

Result<std::vector<oci::Mount>> requested_mounts(const BundleInputs& inputs) {
  std::vector<oci::Mount> mounts;
  for (const auto& mount : inputs.record.mounts) {
    switch (mount.type) {
      case MountType::bind:
        mounts.push_back(bind_mount(mount.source, mount));
        break;
      case MountType::volume:
        mounts.push_back(bind_mount(volume_data_path(inputs.layout, mount.source), mount));
        break;
      case MountType::tmpfs:
        mounts.push_back(tmpfs_mount(mount));
        break;
    }
  }
  if (!inputs.etc_directory.empty()) {
    for (const auto* name : {"resolv.conf", "hosts", "hostname"}) {
      const bool own = std::any_of(mounts.begin(), mounts.end(), [&](const oci::Mount& mount) {
        return mount.destination == std::string("/etc/") + name;
      });
      if (!own) mounts.push_back(etc_mount(inputs.etc_directory, name));
    }
  }
  if (inputs.record.spec.init) {
    const std::string program = TRY(find_init_program());
    mounts.push_back({"/sbin/docker-init", "bind", program, {"bind", "ro"}, {}, {}});
  }
  std::stable_sort(mounts.begin(), mounts.end(), is_below);
  return mounts;
}

}  // namespace gantry::engine
