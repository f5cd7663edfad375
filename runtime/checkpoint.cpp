#include "runtime/checkpoint.h"

#include "base/files.h"
#include "base/text.h"
#include "cgroups/cgroup.h"
#include "runtime/clean_path.h"
#include "runtime/devices.h"
#include "runtime/root_path.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace gantry::runtime {
namespace {

constexpr const char* dump_log = "dump.log";

std::string link_target(const std::string& path) {
  std::string target(4096, '\0');
  const ssize_t size = ::readlink(path.c_str(), target.data(), target.size());
  target.resize(size > 0 ? static_cast<size_t>(size) : 0);
  return target;
}

// Where the container itself sees `path`: its links followed inside. What can't be opened stays as it is.
std::string place_in_container(BorrowedFd root, const std::string& path) {
  const UniqueFd found = open_in_root(root, path.c_str(), O_PATH);
  const std::string target = found ? link_target(format("/proc/self/fd/{}", found.get())) : std::string();
  return target.empty() ? clean_path(path) : target;
}

// Binds of the host are not dumped, but named after their destination: restore binds them anew.
void add_dumped_mounts(CriuMessage& message, BorrowedFd root, const oci::RuntimeConfig& config) {
  for (const auto& mount : config.mounts) {
    if (!is_bind(mount)) continue;
    add_criu_mount(message, place_in_container(root, mount.destination), clean_path(mount.destination));
  }
  for (const auto& path : config.linux_->masked_paths) {
    const UniqueFd masked = open_in_root(root, path.c_str(), O_PATH);
    struct stat info {};
    if (!masked || ::fstat(masked.get(), &info) != 0 || S_ISDIR(info.st_mode)) continue;
    add_criu_mount(message, clean_path(path), "/dev/null");
  }
  for (const auto& path : device_paths(config)) add_criu_mount(message, path, path);
}

// Namespaces that were joined stay as they are; restore brings them by these names.
Result<void> add_foreign_namespaces(CriuMessage& message, const oci::Linux& config, pid_t pid) {
  for (const auto& entry : config.namespaces) {
    const bool network = entry.type == oci::NamespaceType::network;
    if (entry.path.empty() || (!network && entry.type != oci::NamespaceType::pid)) continue;
    const char* name = network ? "net" : "pid";
    struct stat info {};
    const std::string path = format("/proc/{}/ns/{}", pid, name);
    if (::stat(path.c_str(), &info) != 0) return Error::system(errno, "stat {}", path);
    message.add_text(37, format("{}[{}]:extRoot{}NS", name, info.st_ino, network ? "Net" : "Pid"));
  }
  return {};
}

// The ids of the mounts that process `pid` sees.
std::vector<std::string> mount_ids_of(pid_t pid) {
  std::vector<std::string> ids;
  for (const auto& line : split(read_file(format("/proc/{}/mountinfo", pid)).value_or(""), '\n')) {
    ids.push_back(line.substr(0, line.find(' ')));
  }
  return ids;
}

// Of the mount that the process's descriptor `number` is on.
std::string mount_id_of(pid_t pid, int number) {
  for (const auto& line : split(read_file(format("/proc/{}/fdinfo/{}", pid, number)).value_or(""), '\n')) {
    if (line.rfind("mnt_id:", 0) == 0) return std::string(trim(std::string_view(line).substr(7)));
  }
  return {};
}

bool is_terminal(const struct stat& info) {
  return S_ISCHR(info.st_mode) && (major(info.st_rdev) == 5 || major(info.st_rdev) == 4 ||
                                   (major(info.st_rdev) >= 136 && major(info.st_rdev) <= 143));
}

constexpr const char* outside_terminal = "tty";  // in no file: refused

// An entry of descriptors_file.
std::string describe_descriptor(pid_t pid, int number, const std::vector<std::string>& mounts) {
  const std::string path = format("/proc/{}/fd/{}", pid, number);
  const std::string target = link_target(path);
  if (target.rfind("pipe:[", 0) == 0) return target;
  struct stat info {};
  const std::string id = mount_id_of(pid, number);
  if (target.empty() || target[0] != '/' || id.empty() || ::stat(path.c_str(), &info) != 0) return {};
  if (std::find(mounts.begin(), mounts.end(), id) != mounts.end()) return {};
  if (is_terminal(info)) return outside_terminal;
  const auto mount = parse_unsigned("mnt_id", id, UINT32_MAX);
  return mount ? format("file[{:x}:{:x}]", *mount, info.st_ino) : std::string();
}

// As runc and crun have it: a JSON array of strings.
Result<void> save_descriptors(CriuMessage& message, const std::string& images, pid_t pid) {
  const auto mounts = mount_ids_of(pid);
  std::vector<std::string> quoted;
  for (int number = 0; number < 3; ++number) {
    const std::string described = describe_descriptor(pid, number, mounts);
    if (described == outside_terminal) {
      return Error::make(ErrorKind::unsupported,
                         "its descriptor {} is a terminal outside of the container, which can't be restored",
                         number);
    }
    if (described.rfind("file[", 0) == 0) message.add_text(37, described);
    quoted.push_back("\"" + described + "\"");  // no character of them needs an escape
  }
  return write_file(join_path(images, descriptors_file), "[" + join(quoted, ",") + "]\n");
}

Result<void> check_parent(const CheckpointOptions& options, const CriuFolders& folders) {
  if (options.parent_path.empty()) return {};
  if (options.parent_path[0] == '/') {
    return Error::make(ErrorKind::invalid, "--parent-path must be relative to --image-path, found \"{}\"",
                       options.parent_path);
  }
  const UniqueFd parent(
      ::openat(folders.images.get(), options.parent_path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (parent) return {};
  return Error::system(errno, "--parent-path {} of {}", options.parent_path, folders.image_path);
}

// criu (3.17 at least) locks by a table with the dumped process's id in its name, and unlocks one with the
// restored one's: the network would stay locked, with no error.
Result<void> check_network_lock(const CriuOptions& options) {
  if (options.network_lock != "nftables") return {};
  return Error::make(
      ErrorKind::unsupported,
      "--network-lock nftables: criu never unlocks the restored container's network again; use "
      "iptables");
}

void add_dump_flags(CriuMessage& message, const CheckpointOptions& options) {
  message.add_flag(3, options.leave_running);
  message.add_text_if(14, options.parent_path);
  message.add_flag(15, options.pre_dump || !options.parent_path.empty());  // track_mem
  message.add_flag(18, options.link_remap);
  message.add_flag(46, options.tcp_skip_in_flight);
  if (options.page_server_address.empty()) return;
  CriuMessage server;
  server.add_text(1, options.page_server_address);
  server.add(2, options.page_server_port);
  message.add_message(11, server);
}

}  // namespace

Result<void> checkpoint_container(const ContainerFolder& folder, const Record& record,
                                  const oci::RuntimeConfig& config, CheckpointOptions& options) {
  const auto status = current_status(folder, record);
  if (status != oci::Status::running && status != oci::Status::paused) {
    return Error::make(ErrorKind::conflict, "container cannot be checkpointed in {} state",
                       oci::status_name(status));
  }
  TRY(check_for_criu(config, "config.json"));
  TRY(check_network_lock(options.criu));
  TRY(find_criu());  // before anything is made
  const auto folders = TRY(open_criu_folders(options.criu, true));
  TRY(check_parent(options, folders));
  CriuCall call;
  call.request = options.pre_dump ? CriuRequest::pre_dump : CriuRequest::dump;
  call.log = join_path(folders.work_path, dump_log);
  call.options = TRY(common_criu_options(options.criu, folders, config, dump_log));
  call.options.add(2, static_cast<uint64_t>(record.pid));
  call.options.add_text(13, record.rootfs);
  add_dump_flags(call.options, options);
  if (!record.cgroup.empty()) {
    const auto cgroup = TRY(cgroups::Cgroup::open(record.cgroup));
    call.options.add_text(44, cgroup.directory());  // freeze_cgroup
  }
  TRY(add_foreign_namespaces(call.options, *config.linux_, record.pid));
  if (!options.pre_dump) {
    const UniqueFd root = TRY(open_file(format("/proc/{}/root", record.pid), O_PATH | O_DIRECTORY));
    add_dumped_mounts(call.options, root, config);
    TRY(save_descriptors(call.options, folders.image_path, record.pid));
  }
  call.notice = [&](const CriuResponse& notice, UniqueFd) -> Result<void> {
    if (notice.stage != "status-ready" || !options.status) return {};
    auto written = write_all(options.status, std::string_view("\0", 1));
    options.status.reset();
    return written;
  };
  TRY(call_criu(call));
  return {};
}

}  // namespace gantry::runtime
