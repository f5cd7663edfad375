#include "runtime/container_cgroup.h"

#include "base/files.h"
#include "base/text.h"
#include "cgroups/host.h"
#include "cgroups/systemd.h"
#include "runtime/log.h"

#include <unistd.h>

namespace gantry::runtime {
namespace {

constexpr std::string_view own_parent = "/gantry-oci/";

// A user has no folder of his own at the root. Not below our own cgroup, if that can be: it has processes, so
// that the kernel gives its children no controllers.
std::string parent_of_users_cgroups() {
  const auto text = read_file("/proc/self/cgroup");
  const auto own = text ? cgroups::parse_cgroup_membership(*text) : std::nullopt;
  if (!own || own->size() <= 1) return std::string(own_parent);
  const auto above = own->substr(0, own->rfind('/'));
  const auto mount = cgroups::detect_mount().mount;
  const bool writable = ::access((mount + above + "/").c_str(), W_OK) == 0;
  return (writable ? above : *own) + std::string(own_parent);
}

// What limits a user's container: device rules don't, since no program of ours can guard devices there, and
// none is needed, as only nodes that the user may open on the host can be bound into it.
oci::LinuxResources without_devices(oci::LinuxResources resources) {
  resources.devices = {{true, {}, {}, {}, "rwm"}};
  return resources;
}

// Where `configured`, a linux.cgroupsPath, is below the cgroup2 mount.
Result<std::string> cgroup_path(const std::string& configured, const std::string& id, bool rootless) {
  for (const auto& part : split(configured, '/')) {
    if (part != "..") continue;
    return Error::make(ErrorKind::invalid, "$.linux.cgroupsPath: \"{}\" must not hold \"..\"", configured);
  }
  if (configured.find(':') != std::string::npos && configured[0] != '/') {
    return Error::make(ErrorKind::invalid,
                       "$.linux.cgroupsPath: \"{}\" is for the systemd cgroup driver (--systemd-cgroup)",
                       configured);
  }
  std::string path = configured.empty() ? id : configured;
  if (path[0] != '/') path = (rootless ? parent_of_users_cgroups() : std::string(own_parent)) + path;
  const auto there = cgroups::Cgroup::open(path);
  const auto processes = there ? there->processes() : Result<std::vector<pid_t>>(std::vector<pid_t>());
  if (processes && !processes->empty()) {
    return Error::make(ErrorKind::exists, "container's cgroup is not empty: {} has {} processes", path,
                       processes->size());
  }
  return path;
}

cgroups::Enforcement enforcement_of(Limits limits) {
  return limits == Limits::best_effort ? cgroups::Enforcement::best_effort : cgroups::Enforcement::required;
}

cgroups::ManagerKind manager_of(const Record& record) {
  return record.user_scope ? cgroups::ManagerKind::user : cgroups::ManagerKind::system;
}

void warn_of_dropped(const cgroups::Cgroup& cgroup) {
  for (const auto& dropped : cgroup.dropped()) {
    log_warning(format("{} is not enforced: {}", dropped.json_path, dropped.reason));
  }
}

Result<std::optional<cgroups::Cgroup>> create_cgroup(const std::string& path,
                                                     const oci::LinuxResources& resources,
                                                     const GlobalOptions& global) {
  using Made = std::optional<cgroups::Cgroup>;
  if (!has_limits(resources) && cgroups::detect_mount().mount.empty()) return Made();
  const bool rootless = is_rootless(global.rootless);
  auto cgroup = cgroups::Cgroup::create(path, rootless ? without_devices(resources) : resources,
                                        enforcement_of(global.limits));
  if (cgroup) {
    warn_of_dropped(*cgroup);
    return Made(std::move(*cgroup));
  }
  const auto kind = cgroup.error().kind();
  if (kind != ErrorKind::exists && kind != ErrorKind::invalid && can_do_without_cgroup(resources, global)) {
    return Made();
  }
  const bool not_ours = kind == ErrorKind::unsupported || (rootless && kind == ErrorKind::denied);
  if (not_ours && global.limits == Limits::best_effort) {
    log_warning("no cgroup: " + cgroup.error().message());
    return Made();
  }
  if (kind != ErrorKind::denied || !rootless) return std::move(cgroup).error();
  return std::move(cgroup).error().context(
      "limits need a cgroup that is the user's (--systemd-cgroup asks for one)");
}

}  // namespace

bool has_limits(const oci::LinuxResources& resources) {
  return !resources.devices.empty() || resources.memory || resources.cpu || resources.pids ||
         resources.block_io || !resources.hugepage_limits.empty() || resources.network ||
         !resources.rdma.empty() || !resources.unified.empty();
}

Result<void> place_cgroup(const oci::Linux& config, const GlobalOptions& global, Record& record) {
  if (global.limits == Limits::none) {
    if (has_limits(config.resources))
      log_warning("--cgroup-limits none: the limits of linux.resources are not applied");
    return {};
  }
  if (!global.systemd_cgroup) {
    record.cgroup = TRY(cgroup_path(config.cgroups_path, record.id, is_rootless(global.rootless)));
    return {};
  }
  record.user_scope = is_rootless(global.rootless);
  record.scope = TRY(cgroups::parse_unit_place(config.cgroups_path, record.id, record.user_scope)).unit;
  return {};
}

bool can_do_without_cgroup(const oci::LinuxResources& resources, const GlobalOptions& global) {
  if (!is_rootless(global.rootless)) return false;
  auto limits = resources;
  limits.devices.clear();
  return !has_limits(limits);
}

Result<std::optional<cgroups::Cgroup>> make_container_cgroup(const oci::Linux& config,
                                                             const GlobalOptions& global,
                                                             const ContainerFolder& folder, Record& record) {
  TRY(place_cgroup(config, global, record));
  TRY(folder.save(record));
  if (record.cgroup.empty()) return std::optional<cgroups::Cgroup>();
  auto made = create_cgroup(record.cgroup, config.resources, global);
  if (!made) {
    record.cgroup.clear();  // not ours to remove
    return std::move(made).error();
  }
  if (!*made) {
    record.cgroup.clear();
    TRY(folder.save(record));
  }
  return made;
}

Result<cgroups::Cgroup> create_scope(Record& record, const oci::Linux& config, pid_t pid, Limits limits) {
  cgroups::ScopeRequest request;
  request.place = TRY(cgroups::parse_unit_place(config.cgroups_path, record.id, record.user_scope));
  request.manager = manager_of(record);
  request.pid = pid;
  request.description = "container " + record.id;
  request.annotations = record.annotations;
  request.enforcement = enforcement_of(limits);
  auto cgroup = TRY(cgroups::create_scope(
      request, record.user_scope ? without_devices(config.resources) : config.resources));
  warn_of_dropped(cgroup);
  record.cgroup = cgroup.path();
  return cgroup;
}

Result<void> update_cgroup(const Record& record, cgroups::Cgroup& cgroup,
                           const oci::LinuxResources& resources, Limits limits) {
  if (record.scope.empty()) {
    TRY(cgroup.update(resources, enforcement_of(limits)));
  } else {
    TRY(cgroups::update_scope(record.scope, manager_of(record), cgroup, resources, enforcement_of(limits)));
  }
  warn_of_dropped(cgroup);
  return {};
}

Result<void> attach_to_cgroup(const Record& record, const cgroups::Cgroup& cgroup, const std::string& sub,
                              pid_t pid) {
  auto attached = cgroup.attach(pid);
  if (attached || record.scope.empty() || attached.error().kind() != ErrorKind::denied) return attached;
  return cgroups::attach_to_scope(record.scope, manager_of(record), sub, pid);
}

Result<void> remove_cgroup(const Record& record, std::chrono::milliseconds limit) {
  if (record.scope.empty() && !record.cgroup.empty() && cgroups::Cgroup::remove_empty(record.cgroup)) {
    return {};
  }
  const auto cgroup = record.cgroup.empty()
                          ? Result<cgroups::Cgroup>(Error(ErrorKind::not_found, "no cgroup"))
                          : cgroups::Cgroup::open(record.cgroup);
  if (cgroup) TRY(cgroup->kill());
  if (!record.scope.empty()) {
    auto removed = cgroups::remove_scope(record.scope, manager_of(record));
    // A user's manager ends with the user's last session, and with it the scopes.
    const bool gone =
        !removed && removed.error().kind() == ErrorKind::unavailable && !record.cgroup.empty() && !cgroup;
    if (!removed && !gone) return removed;
  }
  return cgroup ? cgroup->remove(limit) : Result<void>();
}

std::string oom_note(const std::optional<cgroups::Cgroup>& cgroup) {
  if (!cgroup) return {};
  const auto events = cgroup->events();
  return events && events->oom_kill > 0 ? " (killed by its memory limit)" : "";
}

}  // namespace gantry::runtime
