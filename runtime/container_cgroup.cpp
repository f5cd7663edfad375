#include "runtime/container_cgroup.h"

#include "base/text.h"
#include "cgroups/host.h"
#include "runtime/log.h"

namespace gantry::runtime {
namespace {

constexpr std::string_view own_parent = "/gantry-oci/";

}  // namespace

bool has_limits(const oci::LinuxResources& resources) {
  return !resources.devices.empty() || resources.memory || resources.cpu || resources.pids ||
         resources.block_io || !resources.hugepage_limits.empty() || resources.network ||
         !resources.rdma.empty() || !resources.unified.empty();
}

Result<std::string> cgroup_path(const oci::Linux& config, const std::string& id, Limits limits) {
  for (const auto& part : split(config.cgroups_path, '/')) {
    if (part != "..") continue;
    return Error::make(ErrorKind::invalid, "cgroupsPath \"{}\" must not hold \"..\"", config.cgroups_path);
  }
  if (config.cgroups_path.find(':') != std::string::npos && config.cgroups_path[0] != '/') {
    return Error::make(ErrorKind::unsupported,
                       "cgroupsPath \"{}\" is for the systemd cgroup driver, which is not supported",
                       config.cgroups_path);
  }
  if (limits == Limits::none) {
    if (has_limits(config.resources))
      log_warning("--cgroup-limits none: the limits of linux.resources are not applied");
    return std::string();
  }
  std::string path = config.cgroups_path;
  if (path.empty()) path = id;
  if (path[0] != '/') path = std::string(own_parent) + path;
  const auto there = cgroups::Cgroup::open(path);
  const auto processes = there ? there->processes() : Result<std::vector<pid_t>>(std::vector<pid_t>());
  if (processes && !processes->empty()) {
    return Error::make(ErrorKind::exists, "container's cgroup is not empty: {} has {} processes", path,
                       processes->size());
  }
  return path;
}

Result<std::optional<cgroups::Cgroup>> create_cgroup(const std::string& path,
                                                     const oci::LinuxResources& resources, Limits limits) {
  const bool asked = has_limits(resources);
  if (!asked && cgroups::detect_mount().mount.empty()) return std::optional<cgroups::Cgroup>();
  const auto enforcement =
      limits == Limits::best_effort ? cgroups::Enforcement::best_effort : cgroups::Enforcement::required;
  auto cgroup = cgroups::Cgroup::create(path, resources, enforcement);
  if (!cgroup) {
    const bool can_do_without =
        cgroup.error().kind() == ErrorKind::unsupported && limits == Limits::best_effort;
    if (!can_do_without) return std::move(cgroup).error();
    log_warning("no cgroup: " + cgroup.error().message());
    return std::optional<cgroups::Cgroup>();
  }
  for (const auto& dropped : cgroup->dropped()) {
    log_warning(format("{} is not enforced: {}", dropped.json_path, dropped.reason));
  }
  return std::optional<cgroups::Cgroup>(std::move(*cgroup));
}

std::string oom_note(const std::optional<cgroups::Cgroup>& cgroup) {
  if (!cgroup) return {};
  const auto events = cgroup->events();
  return events && events->oom_kill > 0 ? " (killed by its memory limit)" : "";
}

}  // namespace gantry::runtime
