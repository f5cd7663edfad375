#include "engine/bundle.h"

#include "base/text.h"
#include "engine/capability_set.h"
#include "engine/devices.h"
#include "engine/process_defaults.h"
#include "engine/seccomp_default.h"
#include "oci/seccomp_profile.h"

#include <algorithm>
#include <cctype>
#include <unistd.h>

namespace gantry::engine {

namespace {

constexpr std::string_view default_path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

const std::vector<std::string> masked_paths = {
    "/proc/acpi",       "/proc/asound",        "/proc/interrupts",  "/proc/kcore",
    "/proc/keys",       "/proc/latency_stats", "/proc/sched_debug", "/proc/scsi",
    "/proc/timer_list", "/proc/timer_stats",   "/sys/firmware",     "/sys/devices/virtual/powercap"};
const std::vector<std::string> readonly_paths = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                                                 "/proc/sysrq-trigger"};

bool is_set(const std::vector<std::string>& environment, std::string_view name) {
  const std::string prefix = std::string(name) + "=";
  return std::any_of(environment.begin(), environment.end(),
                     [&](const std::string& variable) { return variable.rfind(prefix, 0) == 0; });
}

std::vector<oci::Rlimit> make_rlimits(const ContainerSpec& spec) {
  std::vector<oci::Rlimit> limits;
  for (const auto& ulimit : spec.ulimits) {
    std::string type = "RLIMIT_";
    for (const unsigned char c : ulimit.name) type += static_cast<char>(std::toupper(c));
    limits.push_back({type, ulimit.soft, ulimit.hard});
  }
  const bool has_open_files = std::any_of(spec.ulimits.begin(), spec.ulimits.end(),
                                          [](const UlimitSpec& ulimit) { return ulimit.name == "nofile"; });
  if (!has_open_files) limits.push_back(open_files_limit());
  return limits;
}

Result<oci::Capabilities> make_capabilities(const ContainerSpec& spec, uint32_t uid) {
  const auto names = TRY(capability_set(spec.capabilities_added, spec.capabilities_dropped, spec.privileged));
  oci::Capabilities capabilities;
  capabilities.bounding = names;
  // Another user than root would lose the others at exec anyway, and must not have them before.
  if (uid == 0) {
    capabilities.effective = names;
    capabilities.permitted = names;
  }
  return capabilities;
}

Result<std::vector<std::string>> make_arguments(const ContainerRecord& record) {
  std::vector<std::string> arguments = record.arguments;
  if (record.spec.init) arguments.insert(arguments.begin(), {"/sbin/docker-init", "--"});
  return arguments;
}

Result<oci::Process> make_process(const BundleInputs& inputs) {
  const ContainerSpec& spec = inputs.record.spec;
  oci::Process process;
  process.terminal = spec.terminal;
  process.user.uid = inputs.user.uid;
  process.user.gid = inputs.user.gid;
  process.user.additional_gids = inputs.user.additional_gids;
  process.args = TRY(make_arguments(inputs.record));
  process.env = process_environment(inputs.record, inputs.user);
  process.cwd = inputs.record.working_directory;
  process.capabilities = TRY(make_capabilities(spec, inputs.user.uid));
  process.rlimits = make_rlimits(spec);
  process.no_new_privileges = spec.no_new_privileges;
  process.oom_score_adj = oom_score_adjustment(spec.oom_score_adjustment);
  return process;
}

std::vector<oci::Namespace> make_namespaces(const BundleInputs& inputs) {
  const ContainerSpec& spec = inputs.record.spec;
  std::vector<oci::Namespace> namespaces = {{oci::NamespaceType::mount, ""}};
  if (!spec.privileged) namespaces.push_back({oci::NamespaceType::cgroup, ""});
  if (spec.pid_mode != "host") namespaces.push_back({oci::NamespaceType::pid, ""});
  if (spec.ipc_mode != "host") namespaces.push_back({oci::NamespaceType::ipc, ""});
  if (spec.uts_mode != "host") namespaces.push_back({oci::NamespaceType::uts, ""});
  if (!inputs.network_namespace.empty()) {
    namespaces.push_back({oci::NamespaceType::network, inputs.network_namespace});
  }
  return namespaces;
}

// Docker's two, harmless in a network namespace of one's own: any user may listen on port 80, and ping.
std::map<std::string, std::string> make_sysctls(const ContainerSpec& spec) {
  std::map<std::string, std::string> sysctls = spec.sysctls;
  const bool own_network = spec.network == "bridge" || spec.network == "none";
  if (own_network) {
    sysctls.emplace("net.ipv4.ip_unprivileged_port_start", "0");
    sysctls.emplace("net.ipv4.ping_group_range", "0 2147483647");
  }
  return sysctls;
}

// A profile given as text is a whole linux.seccomp: parsed as part of a config, so that errors have its path.
Result<oci::SeccompProfile> parse_profile(const std::string& text) {
  const std::string document = format(R"({{"ociVersion":"1.0.0","linux":{{"seccomp":{}}}}})", text);
  auto config = TRY(oci::parse_runtime_config(document, "seccomp profile"));
  return std::move(*config.linux_->seccomp);
}

Result<void> set_security(oci::Linux& config, const ContainerSpec& spec) {
  if (!spec.privileged && !spec.unmasked_paths) {
    config.masked_paths = masked_paths;
    config.readonly_paths = readonly_paths;
  }
  if (spec.privileged && spec.seccomp.empty()) return {};
  if (spec.seccomp == "unconfined") return {};
  const auto names = TRY(capability_set(spec.capabilities_added, spec.capabilities_dropped, spec.privileged));
  config.seccomp = spec.seccomp.empty() ? default_seccomp_profile(names) : TRY(parse_profile(spec.seccomp));
  return {};
}

Result<oci::Linux> make_linux(const BundleInputs& inputs) {
  const ContainerSpec& spec = inputs.record.spec;
  oci::Linux config;
  config.namespaces = make_namespaces(inputs);
  config.cgroups_path = inputs.cgroup_path;
  config.resources = TRY(requested_resources(spec.resources));
  config.resources.devices = default_device_rules();
  if (spec.privileged) TRY(add_all_devices(config));
  for (const auto& device : spec.devices) TRY(add_device(config, device));
  config.sysctl = make_sysctls(spec);
  TRY(set_security(config, spec));
  return config;
}

}  // namespace

std::string container_hostname(const ContainerRecord& record) {
  if (!record.spec.hostname.empty()) return record.spec.hostname;
  if (record.spec.uts_mode != "host" && record.spec.network != "host") return record.id.substr(0, 12);
  char name[256] = {};
  gethostname(name, sizeof name - 1);
  return name;
}

std::vector<std::string> process_environment(const ContainerRecord& record, const ResolvedUser& user) {
  std::vector<std::string> environment = record.environment;
  const auto add = [&](std::string_view name, const std::string& value) {
    if (!is_set(environment, name)) environment.push_back(format("{}={}", name, value));
  };
  add("PATH", std::string(default_path));
  add("HOSTNAME", container_hostname(record));
  if (record.spec.terminal) add("TERM", "xterm");
  add("HOME", user.home);
  return environment;
}

Result<std::string> find_init_program() {
  // Static ones only: the container may have no libc, or another.
  for (const auto* path : {"/usr/bin/docker-init", "/usr/libexec/docker/docker-init", "/usr/bin/tini-static",
                           "/usr/bin/catatonit", "/usr/libexec/podman/catatonit"}) {
    if (path_exists(path)) return std::string(path);
  }
  return Error::make(
      ErrorKind::unsupported,
      "--init: this host has none of docker-init, tini-static and catatonit (apt install tini)");
}

Result<oci::RuntimeConfig> make_runtime_config(const BundleInputs& inputs) {
  const ContainerSpec& spec = inputs.record.spec;
  oci::RuntimeConfig config;
  config.oci_version = oci::runtime_spec_version;
  config.process = TRY(make_process(inputs));
  config.root = oci::Root{inputs.paths.rootfs(), spec.read_only_root};
  if (spec.uts_mode != "host") config.hostname = container_hostname(inputs.record);
  if (spec.uts_mode != "host") config.domainname = spec.domainname;
  config.mounts = default_mounts(spec);
  auto mounts = TRY(requested_mounts(inputs));
  std::move(mounts.begin(), mounts.end(), std::back_inserter(config.mounts));
  config.linux_ = TRY(make_linux(inputs));
  config.annotations = spec.annotations;
  return config;
}

}  // namespace gantry::engine
