#include "engine/devices.h"

#include "base/files.h"

#include <set>
#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace gantry::engine {

namespace {

bool is_device(const struct stat& status) {
  return S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode);
}

oci::Device describe(const std::string& path, const struct stat& status) {
  oci::Device device;
  device.type = S_ISBLK(status.st_mode) ? "b" : "c";
  device.path = path;
  device.major = major(status.st_rdev);
  device.minor = minor(status.st_rdev);
  device.file_mode = status.st_mode & 07777;
  device.uid = status.st_uid;
  device.gid = status.st_gid;
  return device;
}

// What the container has of its own, or what isn't a device of the host's.
bool is_left_out(const std::string& name) {
  static const std::set<std::string> names = {"pts",    "shm",     "fd",   "mqueue",      "console",
                                              "ptmx",   "null",    "zero", "full",        "tty",
                                              "random", "urandom", ".lxc", ".lxd-mounts", "core"};
  return names.count(name) != 0;
}

Result<void> add_folder(oci::Linux& config, const std::string& folder, bool top) {
  for (const auto& name : TRY(list_directory(folder))) {
    if (top && is_left_out(name)) continue;
    const std::string path = join_path(folder, name);
    struct stat status {};
    if (lstat(path.c_str(), &status) != 0) continue;  // gone meanwhile
    if (S_ISDIR(status.st_mode)) TRY(add_folder(config, path, false));
    if (is_device(status)) config.devices.push_back(describe(path, status));
  }
  return {};
}

oci::DeviceRule allow(std::string type, std::optional<int64_t> major_number,
                      std::optional<int64_t> minor_number, std::string access) {
  return {true, std::move(type), major_number, minor_number, std::move(access)};
}

}  // namespace

std::vector<oci::DeviceRule> default_device_rules() {
  return {{false, "a", {}, {}, "rwm"}, allow("c", {}, {}, "m"), allow("b", {}, {}, "m"),
          allow("c", 1, 3, "rwm"),     allow("c", 1, 5, "rwm"), allow("c", 1, 7, "rwm"),
          allow("c", 1, 8, "rwm"),     allow("c", 1, 9, "rwm"), allow("c", 5, 0, "rwm"),
          allow("c", 5, 1, "rwm"),     allow("c", 5, 2, "rwm"), allow("c", 136, {}, "rwm")};
}

Result<void> add_device(oci::Linux& config, const DeviceSpec& device) {
  struct stat status {};
  if (stat(device.host_path.c_str(), &status) != 0) {
    return Error::system(errno, "--device: {}", device.host_path);
  }
  if (!is_device(status)) {
    return Error::make(ErrorKind::invalid, "--device: {} is not a device", device.host_path);
  }
  config.devices.push_back(describe(device.container_path, status));
  const auto& node = config.devices.back();
  config.resources.devices.push_back(allow(node.type, node.major, node.minor, device.permissions));
  return {};
}

Result<void> add_all_devices(oci::Linux& config) {
  config.resources.devices = {allow("a", {}, {}, "rwm")};
  return add_folder(config, "/dev", true);
}

}  // namespace gantry::engine
