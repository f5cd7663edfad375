#include "api/container_rules.h"
#include "base/format.h"
#include "base/text.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <set>

// Sources: ECS API reference, "ContainerDefinition", "LinuxParameters", "Tmpfs"; what the agent and its
// engine refuse.

namespace gantry::api {
namespace {

using http::AwsResult;

template <size_t N>
bool is_one_of(const std::array<std::string_view, N>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool is_address(const std::string& text) {
  std::array<unsigned char, sizeof(in6_addr)> address{};
  return inet_pton(AF_INET, text.c_str(), address.data()) == 1 ||
         inet_pton(AF_INET6, text.c_str(), address.data()) == 1;
}

bool has_space(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](unsigned char c) { return std::isspace(c) != 0; });
}

// ---- process and network files ----

AwsResult<void> check_process(const ContainerDefinition& container) {
  const auto& directory = container.working_directory;
  if (!directory.empty() && directory.front() != '/') {
    return rule_broken(format("Invalid workingDirectory '{}' in container '{}'. It must be an absolute path.",
                              directory, container.name));
  }
  const auto& hostname = container.hostname;
  if (!hostname.empty() && (!is_plain(hostname, "-._") || hostname.size() > 63)) {
    return rule_broken(
        format("Invalid hostname '{}' in container '{}'. Use up to 63 letters, numbers, hyphens, underscores "
               "and dots.",
               hostname, container.name));
  }
  return check_environment(container.name, container.environment);
}

AwsResult<void> check_resolving(const ContainerDefinition& container) {
  for (const auto& server : container.dns_servers) {
    if (is_address(server)) continue;
    return rule_broken(
        format("Invalid dnsServers '{}' in container '{}'. It must be an IPv4 or IPv6 address.", server,
               container.name));
  }
  for (const auto& domain : container.dns_search_domains) {
    if (!domain.empty() && !has_space(domain)) continue;
    return rule_broken(format("Invalid dnsSearchDomains '{}' in container '{}'. It must be a domain name.",
                              domain, container.name));
  }
  for (const auto& entry : container.extra_hosts) {
    const bool named = !entry.hostname.empty() && !has_space(entry.hostname) &&
                       entry.hostname.find_first_of(":=") == std::string::npos;
    if (named && is_address(entry.ip_address)) continue;
    return rule_broken(format(
        "Invalid extraHosts hostname '{}' with ipAddress '{}' in container '{}'. It must be a host name "
        "and an IPv4 or IPv6 address.",
        entry.hostname, entry.ip_address, container.name));
  }
  return {};
}

// ---- kernel ----

AwsResult<void> check_ulimits(const ContainerDefinition& container) {
  static constexpr std::array<std::string_view, 15> names = {
      "core",   "cpu",   "data", "fsize",  "locks",  "memlock",    "msgqueue", "nice",
      "nofile", "nproc", "rss",  "rtprio", "rttime", "sigpending", "stack"};
  const auto rank = [](int64_t limit) { return limit == -1 ? INT64_MAX : limit; };
  for (const auto& ulimit : container.ulimits) {
    if (!is_one_of(names, ulimit.name)) {
      return rule_broken(format("Unknown ulimit '{}' in container '{}'.", ulimit.name, container.name));
    }
    if (ulimit.soft_limit < -1 || ulimit.hard_limit < -1) {
      return rule_broken(format(
          "Invalid ulimit '{}' in container '{}'. Limits must be -1 (unlimited) or at least 0, found {} "
          "and {}.",
          ulimit.name, container.name, ulimit.soft_limit, ulimit.hard_limit));
    }
    if (rank(ulimit.soft_limit) > rank(ulimit.hard_limit)) {
      return rule_broken(
          format("The soft limit {} of ulimit '{}' in container '{}' is greater than its hard limit {}.",
                 ulimit.soft_limit, ulimit.name, container.name, ulimit.hard_limit));
    }
  }
  return {};
}

// Only what a namespace of the container's own holds.
AwsResult<void> check_sysctls(const ContainerDefinition& container, const TaskDefinition& task) {
  static constexpr std::array<std::string_view, 8> ipc_names = {
      "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem",
      "kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced"};
  std::set<std::string> seen;
  for (const auto& control : container.system_controls) {
    const auto& name = control.sysctl_namespace;
    const bool net = name.starts_with("net.");
    const bool ipc = is_one_of(ipc_names, name) || name.starts_with("fs.mqueue.");
    if (!net && !ipc) {
      return rule_broken(
          format("The systemControl '{}' of container '{}' isn't namespaced.", name, container.name));
    }
    if (net && task.network_mode == "host") {
      return rule_broken(
          format("The systemControl '{}' of container '{}' can't be set with networkMode 'host'.", name,
                 container.name));
    }
    if (ipc && task.ipc_mode == "host") {
      return rule_broken(format("The systemControl '{}' of container '{}' can't be set with ipcMode 'host'.",
                                name, container.name));
    }
    if (!seen.insert(name).second) {
      return rule_broken(
          format("The systemControl '{}' of container '{}' is given twice.", name, container.name));
    }
  }
  return {};
}

AwsResult<void> check_capability(const std::string& text, std::string_view member,
                                 const std::string& container) {
  static const std::set<std::string_view> names = {"all",
                                                   "chown",
                                                   "dac_override",
                                                   "dac_read_search",
                                                   "fowner",
                                                   "fsetid",
                                                   "kill",
                                                   "setgid",
                                                   "setuid",
                                                   "setpcap",
                                                   "linux_immutable",
                                                   "net_bind_service",
                                                   "net_broadcast",
                                                   "net_admin",
                                                   "net_raw",
                                                   "ipc_lock",
                                                   "ipc_owner",
                                                   "sys_module",
                                                   "sys_rawio",
                                                   "sys_chroot",
                                                   "sys_ptrace",
                                                   "sys_pacct",
                                                   "sys_admin",
                                                   "sys_boot",
                                                   "sys_nice",
                                                   "sys_resource",
                                                   "sys_time",
                                                   "sys_tty_config",
                                                   "mknod",
                                                   "lease",
                                                   "audit_write",
                                                   "audit_control",
                                                   "setfcap",
                                                   "mac_override",
                                                   "mac_admin",
                                                   "syslog",
                                                   "wake_alarm",
                                                   "block_suspend",
                                                   "audit_read",
                                                   "perfmon",
                                                   "bpf",
                                                   "checkpoint_restore"};
  auto name = to_lower(text);
  if (name.starts_with("cap_")) name.erase(0, 4);
  if (names.contains(name)) return {};
  return rule_broken(format(
      "Unknown capability '{}' in linuxParameters.capabilities.{} of container '{}'. Use ALL or a name "
      "such as NET_ADMIN.",
      text, member, container));
}

AwsResult<void> check_device(const Device& device, const std::string& container) {
  static constexpr std::array<std::string_view, 3> permissions = {"read", "write", "mknod"};
  const bool absolute = device.host_path.starts_with('/') &&
                        (device.container_path.empty() || device.container_path.starts_with('/'));
  if (!absolute) {
    return rule_broken(format(
        "Invalid linuxParameters.devices hostPath '{}' with containerPath '{}' in container '{}'. Both "
        "must be absolute paths.",
        device.host_path, device.container_path, container));
  }
  for (const auto& permission : device.permissions) {
    if (is_one_of(permissions, permission)) continue;
    return rule_broken(
        format("Invalid linuxParameters.devices permission '{}' in container '{}'. It should be one of "
               "[read,write,mknod].",
               permission, container));
  }
  return {};
}

// ECS's list without bind, rbind and remount, which make no sense for a new tmpfs and which the runtime
// refuses.
bool is_tmpfs_option(std::string_view option) {
  static const std::set<std::string_view> names = {
      "defaults", "ro",         "rw",          "suid",          "nosuid",     "dev",
      "nodev",    "exec",       "noexec",      "sync",          "async",      "dirsync",
      "mand",     "nomand",     "atime",       "noatime",       "diratime",   "nodiratime",
      "relatime", "norelatime", "strictatime", "nostrictatime", "private",    "rprivate",
      "shared",   "rshared",    "slave",       "rslave",        "unbindable", "runbindable"};
  static const std::set<std::string_view> with_value = {"mode",      "uid",       "gid",
                                                        "nr_inodes", "nr_blocks", "mpol"};
  const auto equals = option.find('=');
  if (equals == std::string_view::npos) return names.contains(option);
  return with_value.contains(option.substr(0, equals)) && equals + 1 < option.size();
}

AwsResult<void> check_tmpfs(const Tmpfs& tmpfs, const std::string& container) {
  if (!tmpfs.container_path.starts_with('/')) {
    return rule_broken(format(
        "Invalid linuxParameters.tmpfs containerPath '{}' in container '{}'. It must be an absolute path.",
        tmpfs.container_path, container));
  }
  if (tmpfs.size < 1) {
    return rule_broken(
        format("Invalid linuxParameters.tmpfs size {} of '{}' in container '{}'. It must be at least 1 MiB.",
               tmpfs.size, tmpfs.container_path, container));
  }
  for (const auto& option : tmpfs.mount_options) {
    if (is_tmpfs_option(option)) continue;
    return rule_broken(format(
        "The linuxParameters.tmpfs mount option '{}' of '{}' in container '{}' is not supported by this "
        "control plane.",
        option, tmpfs.container_path, container));
  }
  return {};
}

// memory.swap.max is the control group's only counterpart: version 2 has none for swappiness.
AwsResult<void> check_swap(const LinuxParameters& parameters, const ContainerDefinition& container) {
  if (parameters.swappiness) {
    return rule_broken(format(
        "linuxParameters.swappiness {} of container '{}' is not supported by this control plane: control "
        "groups version 2 have no such setting. Leave it out; linuxParameters.maxSwap limits swap.",
        *parameters.swappiness, container.name));
  }
  TRY(check_range("linuxParameters.maxSwap", parameters.max_swap, 0, INT32_MAX, container.name));
  if (!parameters.max_swap || container.memory) return {};
  return rule_broken(
      format("Invalid setting for container '{}'. linuxParameters.maxSwap {} needs the container's 'memory'.",
             container.name, *parameters.max_swap));
}

AwsResult<void> check_linux_parameters(const ContainerDefinition& container) {
  if (!container.linux_parameters) return {};
  const auto& parameters = *container.linux_parameters;
  const auto capabilities = parameters.capabilities.value_or(KernelCapabilities{});
  for (const auto& name : capabilities.add) TRY(check_capability(name, "add", container.name));
  for (const auto& name : capabilities.drop) TRY(check_capability(name, "drop", container.name));
  for (const auto& device : parameters.devices) TRY(check_device(device, container.name));
  for (const auto& tmpfs : parameters.tmpfs) TRY(check_tmpfs(tmpfs, container.name));
  TRY(check_range("linuxParameters.sharedMemorySize", parameters.shared_memory_size, 1, 1 << 20,
                  container.name));
  return check_swap(parameters, container);
}

AwsResult<void> check_security_options(const ContainerDefinition& container) {
  for (const auto& option : container.docker_security_options) {
    if (option == "no-new-privileges" || option == "no-new-privileges:true") continue;
    return rule_broken(
        format("dockerSecurityOptions '{}' of container '{}' is not supported by this control plane, only "
               "no-new-privileges is.",
               option, container.name));
  }
  return {};
}

// ---- log ----

// json-file's rotation; the other drivers' options are their hosts' business.
AwsResult<void> check_log_options(const LogConfiguration& log, const std::string& container) {
  const auto invalid = [&](std::string_view option, std::string_view value, std::string_view rule) {
    return rule_broken(format("Invalid logConfiguration option '{}' '{}' in container '{}'. {}", option,
                              value, container, rule));
  };
  uint64_t files = 1;
  bool sized = false;
  for (const auto& [option, value] : log.options) {
    if (log.log_driver == "none") return invalid(option, value, "The log driver 'none' takes no options.");
    if (option == "max-size") {
      const auto size = parse_size(option, value);
      if (!size || *size == 0) return invalid(option, value, "It must be a size such as 10m.");
      sized = true;
    } else if (option == "max-file") {
      files = parse_unsigned(option, value, 1000).value_or(0);
      if (files == 0) return invalid(option, value, "It must be between 1 and 1000.");
    } else {
      return invalid(option, value, "The log driver 'json-file' takes max-size and max-file here.");
    }
  }
  if (files > 1 && !sized) return invalid("max-file", std::to_string(files), "It needs max-size.");
  return {};
}

AwsResult<void> check_log(const ContainerDefinition& container) {
  static constexpr std::array<std::string_view, 8> drivers = {"json-file", "syslog",  "journald", "gelf",
                                                              "fluentd",   "awslogs", "splunk",   "none"};
  if (!container.log_configuration) return {};
  const auto& driver = container.log_configuration->log_driver;
  if (driver == "awsfirelens") {
    return rule_broken(
        format("The log driver 'awsfirelens' of container '{}' is not supported by this control plane.",
               container.name));
  }
  if (!is_one_of(drivers, driver)) {
    return rule_broken(format("Unknown log driver '{}' in container '{}'.", driver, container.name));
  }
  if (driver != "json-file" && driver != "none") return {};
  return check_log_options(*container.log_configuration, container.name);
}

}  // namespace

AwsResult<void> check_environment(const std::string& container,
                                  const std::vector<KeyValuePair>& environment) {
  for (const auto& variable : environment) {
    if (!variable.name.empty() && variable.name.find('=') == std::string::npos) continue;
    return rule_broken(
        format("Invalid environment variable name '{}' in container '{}'. It can't be empty or hold '='.",
               variable.name, container));
  }
  return {};
}

AwsResult<void> check_host_members(const ContainerDefinition& container, const TaskDefinition& task) {
  TRY(check_process(container));
  TRY(check_resolving(container));
  TRY(check_ulimits(container));
  TRY(check_sysctls(container, task));
  TRY(check_linux_parameters(container));
  TRY(check_security_options(container));
  return check_log(container);
}

}  // namespace gantry::api
