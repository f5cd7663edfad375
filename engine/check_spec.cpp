#include "base/text.h"
#include "cgroups/hierarchy.h"
#include "engine/capability_set.h"
#include "engine/container_spec.h"
#include "engine/log_config.h"
#include "engine/names.h"
#include "engine/signals.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <climits>
#include <set>

namespace gantry::engine {

namespace {

constexpr int64_t least_memory = int64_t{6} << 20;  // docker's: below it the runtime itself doesn't fit
constexpr std::array<std::string_view, 16> ulimit_names = {
    "core",   "cpu",   "data", "fsize",  "locks",  "memlock",    "msgqueue", "nice",
    "nofile", "nproc", "rss",  "rtprio", "rttime", "sigpending", "stack",    "as"};

template <class... Args>
Error bad(std::string_view option, fmt::format_string<Args...> text, Args&&... args) {
  return Error::make(ErrorKind::invalid, "{}: {}", option, format(text, std::forward<Args>(args)...));
}

bool is_absolute(const std::string& path) {
  return !path.empty() && path[0] == '/';
}

Result<void> check_memory(const ResourceSpec& resources) {
  if (resources.memory && *resources.memory < least_memory) {
    return bad("--memory", "minimum memory limit allowed is 6MB, found {} bytes", *resources.memory);
  }
  if (resources.memory_swap && !resources.memory) {
    return bad("--memory-swap", "needs --memory");
  }
  if (resources.memory_swap && *resources.memory_swap != -1 && *resources.memory_swap < *resources.memory) {
    return bad("--memory-swap", "must be -1 or at least --memory, found {} bytes", *resources.memory_swap);
  }
  if (resources.memory && resources.memory_reservation && *resources.memory_reservation > *resources.memory) {
    return bad("--memory-reservation", "must not be more than --memory, found {} bytes",
               *resources.memory_reservation);
  }
  return {};
}

Result<void> check_cpu(const ResourceSpec& resources) {
  if (resources.nano_cpus && (resources.cpu_quota || resources.cpu_period)) {
    return bad("--cpus", "can't be combined with --cpu-quota or --cpu-period");
  }
  if (resources.nano_cpus && *resources.nano_cpus < 10'000'000) {
    return bad("--cpus", "must be at least 0.01");
  }
  if (resources.cpu_shares && (*resources.cpu_shares < 2 || *resources.cpu_shares > 262144)) {
    return bad("--cpu-shares", "must be 2 to 262144, found {}", *resources.cpu_shares);
  }
  if (resources.cpu_period && (*resources.cpu_period < 1000 || *resources.cpu_period > 1000000)) {
    return bad("--cpu-period", "must be 1000 to 1000000, found {}", *resources.cpu_period);
  }
  if (resources.cpu_quota && *resources.cpu_quota != -1 && *resources.cpu_quota < 1000) {
    return bad("--cpu-quota", "must be -1 or at least 1000, found {}", *resources.cpu_quota);
  }
  if (resources.pids_limit && *resources.pids_limit < -1) {
    return bad("--pids-limit", "must be -1 or more, found {}", *resources.pids_limit);
  }
  return {};
}

Result<void> check_volume(const MountSpec& mount) {
  if (mount.type == MountType::volume && !mount.source.empty() && !is_valid_name(mount.source)) {
    return bad(
        "--volume",
        "\"{}\" is no volume name ([a-zA-Z0-9][a-zA-Z0-9_.-]+); a folder of the host needs an absolute "
        "path",
        mount.source);
  }
  return {};
}

Result<void> check_mounts(const ContainerSpec& spec) {
  std::set<std::string> seen;
  for (const auto& mount : spec.mounts) {
    if (!is_absolute(mount.destination)) {
      return bad("--volume", "destination \"{}\" must be an absolute path", mount.destination);
    }
    if (mount.destination == "/") return bad("--volume", "destination can't be \"/\"");
    const auto parts = split(mount.destination, '/');
    if (std::find(parts.begin(), parts.end(), "..") != parts.end()) {
      return bad("--volume", "destination \"{}\" must not contain \"..\"", mount.destination);
    }
    if (mount.type == MountType::bind && !is_absolute(mount.source)) {
      return bad("--volume", "source \"{}\" must be an absolute path", mount.source);
    }
    TRY(check_volume(mount));
    if (!seen.insert(mount.destination).second) {
      return bad("--volume", "duplicate mount point: {}", mount.destination);
    }
  }
  return {};
}

Result<void> check_network(const ContainerSpec& spec) {
  const bool is_container = spec.network.rfind("container:", 0) == 0 && spec.network.size() > 10;
  if (spec.network != "bridge" && spec.network != "host" && spec.network != "none" && !is_container) {
    return Error::make(ErrorKind::unsupported,
                       "--network: \"{}\" isn't one of bridge, host, none, container:NAME", spec.network);
  }
  const bool publishes = !spec.ports.empty() || spec.publish_all_ports;
  if (publishes && spec.network != "bridge") {
    return bad("--publish", "can't be used with --network {}", spec.network);
  }
  if (is_container && !spec.hostname.empty()) {
    return bad("--hostname", "can't be used with --network {}", spec.network);
  }
  if (is_container && !(spec.dns.empty() && spec.extra_hosts.empty())) {
    return bad("--dns, --add-host", "can't be used with --network {}", spec.network);
  }
  for (const auto& port : spec.ports) {
    if (port.container_port == 0) return bad("--publish", "the container's port must be 1 to 65535");
  }
  return {};
}

// Goes into /etc/hosts as it is, so no blanks and no line ends.
Result<void> check_host_name(std::string_view option, const std::string& name) {
  constexpr size_t longest = 64;  // the kernel's __NEW_UTS_LEN
  if (name.empty() || (name.size() <= longest && is_plain_name(name))) return {};
  return bad(option, "invalid hostname format: \"{}\": letters, digits, -, . and _, at most {}", name,
             longest);
}

// The container's cgroup is a folder below it.
Result<void> check_cgroup_parent(const std::string& parent) {
  if (parent.empty()) return {};
  const auto parts =
      TRY(cgroups::path_parts(parent[0] == '/' ? parent : "/" + parent).context("--cgroup-parent"));
  const auto too_long = [](const std::string& part) { return part.size() > NAME_MAX; };
  if (std::any_of(parts.begin(), parts.end(), too_long) || parent.size() > PATH_MAX / 2) {
    return bad("--cgroup-parent", "is too long");
  }
  return {};
}

Result<void> check_process(const ContainerSpec& spec) {
  if (!spec.working_directory.empty() && !is_absolute(spec.working_directory)) {
    return bad("--workdir", "\"{}\" is invalid, it needs to be an absolute path", spec.working_directory);
  }
  for (const auto& variable : spec.environment) {
    if (variable.empty() || variable[0] == '=') return bad("--env", "invalid variable \"{}\"", variable);
  }
  for (const auto& ulimit : spec.ulimits) {
    if (std::find(ulimit_names.begin(), ulimit_names.end(), ulimit.name) == ulimit_names.end()) {
      return bad("--ulimit", "unknown limit \"{}\"", ulimit.name);
    }
    if (ulimit.soft > ulimit.hard) {
      return bad("--ulimit", "{}: soft limit {} is above hard limit {}", ulimit.name, ulimit.soft,
                 ulimit.hard);
    }
  }
  if (!spec.stop_signal.empty()) TRY(parse_signal(spec.stop_signal).context("--stop-signal"));
  return {};
}

Result<void> check_security(const ContainerSpec& spec) {
  TRY(capability_set(spec.capabilities_added, spec.capabilities_dropped, spec.privileged)
          .context("--cap-add, --cap-drop"));
  const std::pair<std::string_view, const std::string&> modes[] = {
      {"--pid", spec.pid_mode}, {"--ipc", spec.ipc_mode}, {"--uts", spec.uts_mode}};
  for (const auto& [option, mode] : modes) {
    if (!mode.empty() && mode != "host") {
      return Error::make(ErrorKind::unsupported, "{}: only \"host\" is supported, found \"{}\"", option,
                         mode);
    }
  }
  return {};
}

bool is_net_sysctl(const std::string& name) {
  return name.rfind("net.", 0) == 0;
}

bool is_ipc_sysctl(const std::string& name) {
  static const std::set<std::string> names = {"kernel.msgmax", "kernel.msgmnb",         "kernel.msgmni",
                                              "kernel.sem",    "kernel.shmall",         "kernel.shmmax",
                                              "kernel.shmmni", "kernel.shm_rmid_forced"};
  return names.count(name) != 0 || name.rfind("fs.mqueue.", 0) == 0;
}

// Only what a namespace of the container's own holds, or the value would be the host's.
Result<void> check_sysctls(const ContainerSpec& spec) {
  for (const auto& [name, value] : spec.sysctls) {
    const bool net = is_net_sysctl(name) && spec.network != "host";
    const bool ipc = is_ipc_sysctl(name) && spec.ipc_mode != "host";
    const bool uts = name == "kernel.domainname" && spec.uts_mode != "host";
    if (!net && !ipc && !uts) {
      return bad("--sysctl", "\"{}\" is not in a namespace of the container's own", name);
    }
  }
  return {};
}

Result<void> check_life(const ContainerSpec& spec) {
  if (spec.auto_remove && spec.restart.mode != RestartMode::none) {
    return bad("--rm", "conflicts with --restart");
  }
  if (spec.restart.maximum_retries != 0 && spec.restart.mode != RestartMode::on_failure) {
    return bad("--restart", "maximum retry count can only be used with on-failure");
  }
  return {};
}

Result<void> check_log(const LogSpec& log) {
  if (log.maximum_files == 0) return bad("--log-opt", "max-file must be at least 1");
  if (log.maximum_files > 1 && log.maximum_size == 0) return bad("--log-opt", "max-file needs max-size");
  const bool is_file = log.driver == LogDriver::json_file || log.driver == LogDriver::cri;
  if (!is_file && log.maximum_size != 0) return bad("--log-opt", "max-size is for json-file and cri only");
  if (log.driver != LogDriver::journald && !log.tag.empty()) {
    return bad("--log-opt", "tag is for journald only");
  }
  const auto tag = expand_log_tag(log.tag, {});
  return tag ? Result<void>() : bad("--log-opt", "tag: {}", tag.error().message());
}

Result<void> check_health(const ContainerSpec& spec) {
  if (!spec.health || spec.health->test.empty()) return {};
  const auto& test = spec.health->test;
  if (test[0] != "NONE" && test[0] != "CMD" && test[0] != "CMD-SHELL") {
    return bad("--health-cmd", "must begin with CMD, CMD-SHELL or NONE, found \"{}\"", test[0]);
  }
  if (test[0] != "NONE" && test.size() < 2) return bad("--health-cmd", "needs a command");
  const auto least = std::chrono::milliseconds(1);
  if (spec.health->interval < least) return bad("--health-interval", "must be at least 1ms");
  if (spec.health->timeout < least) return bad("--health-timeout", "must be at least 1ms");
  return {};
}

}  // namespace

Result<void> check_spec(const ContainerSpec& spec) {
  if (!spec.name.empty() && !is_valid_name(spec.name)) {
    return bad("--name", "invalid container name \"{}\", only [a-zA-Z0-9][a-zA-Z0-9_.-]+ are allowed",
               spec.name);
  }
  TRY(check_memory(spec.resources));
  TRY(check_cpu(spec.resources));
  TRY(check_mounts(spec));
  TRY(check_network(spec));
  TRY(check_host_name("--hostname", spec.hostname));
  TRY(check_host_name("--domainname", spec.domainname));
  TRY(check_cgroup_parent(spec.cgroup_parent));
  TRY(check_process(spec));
  TRY(check_security(spec));
  TRY(check_sysctls(spec));
  TRY(check_health(spec));
  TRY(check_life(spec));
  return check_log(spec.log);
}

}  // namespace gantry::engine
