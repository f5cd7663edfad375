#include "cgroups/cgroup.h"

#include "base/files.h"
#include "base/text.h"
#include "cgroups/hierarchy.h"
#include "cgroups/limits.h"
#include "cgroups/processes.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gantry::cgroups {

namespace {

Result<HostSupport> with_cgroup2(HostSupport host) {
  if (host.mount.empty()) return Error(ErrorKind::unsupported, host.describe());
  return host;
}

uint64_t event(const std::map<std::string, uint64_t>& values, const char* key) {
  const auto found = values.find(key);
  return found == values.end() ? 0 : found->second;
}

// Empty when the controller isn't enabled here.
std::map<std::string, uint64_t> read_events(const std::string& directory, std::string_view file) {
  const auto text = read_file(join_path(directory, file));
  return text ? parse_flat_keyed(*text) : std::map<std::string, uint64_t>();
}

// Below a folder that was delegated only what was given there can be had: then the plan is made again for
// that.
Result<void> enable_for(LimitPlan& limits, const HostSupport& host, const std::string& path,
                        const std::set<std::string>& wanted, const oci::LinuxResources& resources,
                        Enforcement enforcement) {
  auto enabled = enable_controllers(host, path, limits.controllers, wanted);
  if (enabled || enabled.error().kind() != ErrorKind::denied) return enabled;
  limits = TRY(plan_limits(resources, within_delegation(host, path), enforcement));
  return enable_controllers(host, path, limits.controllers, {});
}

// The new children of a threaded cgroup can have processes only once they are threaded too. cgroups(7)
Result<void> join_threaded_subtree(const std::string& mount, const std::string& path) {
  auto folder = mount;
  for (const auto& part : TRY(path_parts(path))) {
    folder = join_path(folder, part);
    const auto type = join_path(folder, "cgroup.type");
    if (trim(read_file(type).value_or("")) != "domain invalid") continue;
    TRY(write_existing(type, "threaded").context("cgroup {} lies in a threaded subtree", folder));
  }
  return {};
}

}  // namespace

Result<Cgroup> Cgroup::create(const std::string& path, const oci::LinuxResources& resources,
                              Enforcement enforcement) {
  TRY(path_parts(path));
  const auto host = TRY(with_cgroup2(detect_host()));
  auto limits = TRY(plan_limits(resources, host, enforcement));
  auto created = TRY(make_folders(host, path));
  TRY(enable_for(limits, host, path, {"cpu", "memory", "pids", "io"}, resources, enforcement));
  Cgroup cgroup(path, host.mount + path);
  cgroup.folder_ = TRY(cgroup.open_directory());
  cgroup.dropped_ = TRY(write_limits(cgroup.directory_, cgroup.folder_, std::move(limits), enforcement));
  created.keep();
  return cgroup;
}

Result<Cgroup> Cgroup::adopt(const std::string& path, const oci::LinuxResources& resources,
                             Enforcement enforcement) {
  TRY(path_parts(path));
  const auto host = TRY(with_cgroup2(detect_host()));
  auto limits = TRY(plan_limits(resources, host, enforcement));
  TRY(enable_for(limits, host, path, {}, resources, enforcement));
  Cgroup cgroup(path, host.mount + path);
  const auto folder = TRY(cgroup.open_directory());
  cgroup.dropped_ = TRY(write_limits(cgroup.directory_, folder, std::move(limits), enforcement));
  return cgroup;
}

Result<Cgroup> Cgroup::open(const std::string& path) {
  TRY(path_parts(path));
  const auto host = TRY(with_cgroup2(detect_mount()));
  auto directory = host.mount + path;
  if (!path_exists(directory)) return Error::make(ErrorKind::not_found, "no cgroup {}", directory);
  return Cgroup(path, std::move(directory));
}

bool Cgroup::remove_empty(const std::string& path) {
  const auto host = detect_mount();
  if (host.mount.empty() || !path_parts(path)) return false;
  return rmdir((host.mount + path).c_str()) == 0 || errno == ENOENT;
}

Result<Cgroup> Cgroup::of_process(pid_t pid) {
  const auto host = TRY(with_cgroup2(detect_mount()));
  const auto file = format("/proc/{}/cgroup", pid);
  auto path = parse_cgroup_membership(TRY(read_file(file)));
  if (!path) return Error::make(ErrorKind::unsupported, "{} has no cgroup v2 line", file);
  auto directory = host.mount + *path;
  return Cgroup(std::move(*path), std::move(directory));
}

Result<UniqueFd> Cgroup::open_directory() {
  if (folder_) return std::move(folder_);
  return open_file(directory_, O_RDONLY | O_DIRECTORY);
}

Result<void> Cgroup::attach(pid_t pid) const {
  const auto write = [&] {
    return write_existing(join_path(directory_, "cgroup.procs"), format("{}", pid))
        .context("move process {} to cgroup {}", pid, path_);
  };
  auto attached = write();
  if (attached || attached.error().system_errno() != EOPNOTSUPP) return attached;
  TRY(join_threaded_subtree(directory_.substr(0, directory_.size() - path_.size()), path_));
  return write();
}

Result<void> Cgroup::update(const oci::LinuxResources& resources, Enforcement enforcement) {
  const auto host = TRY(with_cgroup2(detect_host()));
  TRY(check_memory_update(directory_, resources));
  auto limits = TRY(plan_limits(resources, host, enforcement));
  limits.guards_devices = limits.guards_devices && !resources.devices.empty();
  TRY(enable_controllers(host, path_, limits.controllers, {}));
  const auto folder = TRY(open_directory());
  dropped_ = TRY(write_limits(directory_, folder, std::move(limits), enforcement));
  return {};
}

Result<void> Cgroup::delegate_to(uid_t uid, gid_t gid) const {
  if (chown(directory_.c_str(), uid, gid) != 0)
    return Error::system(errno, "give cgroup {} to {}:{}", path_, uid, gid);
  const auto names =
      read_file("/sys/kernel/cgroup/delegate").value_or("cgroup.procs\ncgroup.subtree_control\n");
  for (const auto& name : split(trim(names), '\n')) {
    const auto file = join_path(directory_, name);
    if (chown(file.c_str(), uid, gid) != 0 &&
        errno != ENOENT)  // the list has files of controllers not enabled here
      return Error::system(errno, "give {} to {}:{}", file, uid, gid);
  }
  return {};
}

Result<void> Cgroup::freeze(std::chrono::milliseconds limit) const {
  return set_frozen(directory_, true, limit).context("freeze cgroup {}", path_);
}

Result<void> Cgroup::thaw(std::chrono::milliseconds limit) const {
  return set_frozen(directory_, false, limit).context("thaw cgroup {}", path_);
}

Result<void> Cgroup::kill() const {
  return kill_all(directory_).context("kill cgroup {}", path_);
}

Result<void> Cgroup::signal(int signal) const {
  return signal_all(directory_, signal);
}

Result<std::vector<pid_t>> Cgroup::processes() const {
  return processes_below(directory_);
}

Result<void> Cgroup::wait_empty(std::chrono::milliseconds limit) const {
  return wait_until_empty(directory_, limit);
}

Result<void> Cgroup::remove(std::chrono::milliseconds limit) const {
  return remove_folders(directory_, limit);
}

Result<Events> Cgroup::events() const {
  const auto core = parse_flat_keyed(TRY(read_file(join_path(directory_, "cgroup.events"))));
  const auto memory = read_events(directory_, "memory.events");
  const auto pids = read_events(directory_, "pids.events");
  Events events;
  events.populated = event(core, "populated") != 0;
  events.frozen = event(core, "frozen") != 0;
  events.oom = event(memory, "oom");
  events.oom_kill = event(memory, "oom_kill");
  events.memory_max = event(memory, "max");
  events.pids_max = event(pids, "max");
  return events;
}

Result<Statistics> Cgroup::statistics() const {
  return read_statistics(directory_);
}

}  // namespace gantry::cgroups
