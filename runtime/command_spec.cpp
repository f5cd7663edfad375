#include "base/files.h"
#include "runtime/commands.h"

#include <unistd.h>

namespace gantry::runtime {
namespace {

using oci::NamespaceType;

oci::Mount mount(std::string destination, std::string type, std::string source,
                 std::vector<std::string> options) {
  return {std::move(destination), std::move(type), std::move(source), std::move(options), {}, {}};
}

std::vector<oci::Mount> default_mounts() {
  return {
      mount("/proc", "proc", "proc", {}),
      mount("/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}),
      mount("/dev/pts", "devpts", "devpts",
            {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}),
      mount("/dev/shm", "tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}),
      mount("/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}),
      mount("/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"}),
      mount("/sys/fs/cgroup", "cgroup", "cgroup", {"nosuid", "noexec", "nodev", "relatime", "ro"}),
  };
}

oci::Process default_process() {
  oci::Process process;
  process.terminal = true;
  process.args = {"sh"};
  process.env = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"};
  process.cwd = "/";
  const std::vector<std::string> granted = {"CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"};
  process.capabilities = oci::Capabilities{granted, granted, {}, granted, {}};
  process.rlimits = {{"RLIMIT_NOFILE", 1024, 1024}};
  process.no_new_privileges = true;
  return process;
}

oci::Linux default_linux() {
  oci::Linux lin;
  for (const auto type : {NamespaceType::pid, NamespaceType::network, NamespaceType::ipc, NamespaceType::uts,
                          NamespaceType::mount, NamespaceType::cgroup}) {
    lin.namespaces.push_back({type, {}});
  }
  lin.resources.devices = {{false, {}, {}, {}, "rwm"}};
  lin.masked_paths = {"/proc/acpi",          "/proc/asound",     "/proc/kcore",       "/proc/keys",
                      "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug",
                      "/sys/firmware",       "/proc/scsi"};
  lin.readonly_paths = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};
  return lin;
}

// Without root's privileges: a user namespace that maps the caller to 0, and the host's network.
void make_rootless(oci::RuntimeConfig& config) {
  std::erase_if(config.linux_->namespaces,
                [](const auto& space) { return space.type == NamespaceType::network; });
  config.linux_->namespaces.push_back({NamespaceType::user, {}});
  config.linux_->uid_mappings = {{0, ::geteuid(), 1}};
  config.linux_->gid_mappings = {{0, ::getegid(), 1}};
  config.linux_->resources = {};
  std::erase_if(config.mounts, [](const auto& entry) { return entry.destination == "/sys/fs/cgroup"; });
  for (auto& entry : config.mounts) {
    std::erase(entry.options, "gid=5");
    if (entry.destination != "/sys") continue;
    entry = mount("/sys", "none", "/sys", {"rbind", "rnosuid", "rnoexec", "rnodev", "rro"});
  }
}

}  // namespace

Result<int> command_spec(const GlobalOptions&, const Arguments& arguments) {
  std::string bundle = ".";
  std::string file = "config.json";
  bool rootless = false;
  const auto rest =
      TRY(arguments_of("spec",
                       {option("bundle", 'b', bundle, "DIR", "where to write it"),
                        option("file", 'f', file, "FILE", "another name, or a path relative to the bundle"),
                        toggle("rootless", 0, rootless, "for a caller without root's privileges")},
                       arguments));
  if (!rest) return 0;
  if (bundle.empty()) return Error(ErrorKind::invalid, "--bundle must not be empty");
  oci::RuntimeConfig config;
  config.oci_version = oci::runtime_spec_version;
  config.process = default_process();
  config.root = oci::Root{"rootfs", true};
  config.hostname = "gantry";
  config.mounts = default_mounts();
  config.linux_ = default_linux();
  if (rootless) make_rootless(config);
  if (file.empty()) return Error(ErrorKind::invalid, "--file must not be empty");
  const std::string path = file[0] == '/' ? file : join_path(bundle, file);
  if (path_exists(path)) return Error::make(ErrorKind::exists, "File {} exists. Remove it first", file);
  TRY(write_file(path, oci::to_json_text(config, 2) + "\n", 0644));
  return 0;
}

}  // namespace gantry::runtime
