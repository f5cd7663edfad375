#include "oci/linux_resources_members.h"
#include "oci/runtime_config.h"
#include "oci/seccomp_profile_members.h"

namespace gantry::oci {

constexpr EnumName<NamespaceType> namespace_names[] = {
    {NamespaceType::pid, "pid"},       {NamespaceType::network, "network"}, {NamespaceType::mount, "mount"},
    {NamespaceType::ipc, "ipc"},       {NamespaceType::uts, "uts"},         {NamespaceType::user, "user"},
    {NamespaceType::cgroup, "cgroup"}, {NamespaceType::time, "time"},
};

std::span<const EnumName<NamespaceType>> enum_names(NamespaceType) {
  return namespace_names;
}

template <class Visitor>
void members(Visitor& visit, Root& root) {
  visit.required("path", root.path);
  visit("readonly", root.readonly);
}

template <class Visitor>
void members(Visitor& visit, IdMapping& mapping) {
  visit.required("containerID", mapping.container_id);
  visit.required("hostID", mapping.host_id);
  visit.required("size", mapping.size);
}

template <class Visitor>
void members(Visitor& visit, Mount& mount) {
  visit.required("destination", mount.destination);
  visit("type", mount.type);
  visit("source", mount.source);
  visit("options", mount.options);
  visit("uidMappings", mount.uid_mappings);
  visit("gidMappings", mount.gid_mappings);
}

template <class Visitor>
void members(Visitor& visit, Box& box) {
  visit.required("height", box.height);
  visit.required("width", box.width);
}

template <class Visitor>
void members(Visitor& visit, User& user) {
  visit("uid", user.uid);
  visit("gid", user.gid);
  visit("umask", user.umask);
  visit("additionalGids", user.additional_gids);
  visit("username", user.username);
}

template <class Visitor>
void members(Visitor& visit, Capabilities& capabilities) {
  visit("bounding", capabilities.bounding);
  visit("effective", capabilities.effective);
  visit("inheritable", capabilities.inheritable);
  visit("permitted", capabilities.permitted);
  visit("ambient", capabilities.ambient);
}

template <class Visitor>
void members(Visitor& visit, Rlimit& limit) {
  visit.required("type", limit.type);
  visit.required("soft", limit.soft);
  visit.required("hard", limit.hard);
}

template <class Visitor>
void members(Visitor& visit, IoPriority& priority) {
  visit.required("class", priority.io_class);
  visit("priority", priority.priority);
}

template <class Visitor>
void members(Visitor& visit, Scheduler& scheduler) {
  visit.required("policy", scheduler.policy);
  visit("nice", scheduler.nice);
  visit("priority", scheduler.priority);
  visit("flags", scheduler.flags);
  visit("runtime", scheduler.runtime);
  visit("deadline", scheduler.deadline);
  visit("period", scheduler.period);
}

template <class Visitor>
void members(Visitor& visit, CpuAffinity& affinity) {
  visit("initial", affinity.initial);
  visit("final", affinity.final);
}

template <class Visitor>
void members(Visitor& visit, Process& process) {
  visit("terminal", process.terminal);
  visit("consoleSize", process.console_size);
  visit("user", process.user);
  visit("args", process.args);
  visit("env", process.env);
  visit("cwd", process.cwd);
  visit("capabilities", process.capabilities);
  visit("rlimits", process.rlimits);
  visit("noNewPrivileges", process.no_new_privileges);
  visit("apparmorProfile", process.apparmor_profile);
  visit("selinuxLabel", process.selinux_label);
  visit("oomScoreAdj", process.oom_score_adj);
  visit("ioPriority", process.io_priority);
  visit("scheduler", process.scheduler);
  visit("execCPUAffinity", process.exec_cpu_affinity);
  visit("commandLine", process.command_line);
}

template <class Visitor>
void members(Visitor& visit, Hook& hook) {
  visit.required("path", hook.path);
  visit("args", hook.args);
  visit("env", hook.env);
  visit("timeout", hook.timeout);
}

template <class Visitor>
void members(Visitor& visit, Hooks& hooks) {
  visit("prestart", hooks.prestart);
  visit("createRuntime", hooks.create_runtime);
  visit("createContainer", hooks.create_container);
  visit("startContainer", hooks.start_container);
  visit("poststart", hooks.poststart);
  visit("poststop", hooks.poststop);
}

template <class Visitor>
void members(Visitor& visit, Namespace& space) {
  visit.required("type", space.type);
  visit("path", space.path);
}

template <class Visitor>
void members(Visitor& visit, Device& device) {
  visit.required("type", device.type);
  visit.required("path", device.path);
  visit("major", device.major);
  visit("minor", device.minor);
  visit("fileMode", device.file_mode);
  visit("uid", device.uid);
  visit("gid", device.gid);
}

template <class Visitor>
void members(Visitor& visit, TimeOffset& offset) {
  visit("secs", offset.secs);
  visit("nanosecs", offset.nanosecs);
}

template <class Visitor>
void members(Visitor& visit, Personality& personality) {
  visit.required("domain", personality.domain);
  visit("flags", personality.flags);
}

template <class Visitor>
void members(Visitor& visit, NetDevice& device) {
  visit("name", device.name);
}

template <class Visitor>
void members(Visitor& visit, IntelRdt& rdt) {
  visit("closID", rdt.clos_id);
  visit("schemata", rdt.schemata);
  visit("l3CacheSchema", rdt.l3_cache_schema);
  visit("memBwSchema", rdt.mem_bw_schema);
  visit("enableMonitoring", rdt.enable_monitoring);
  visit("enableCMT", rdt.enable_cmt);
  visit("enableMBM", rdt.enable_mbm);
}

template <class Visitor>
void members(Visitor& visit, MemoryPolicy& policy) {
  visit.required("mode", policy.mode);
  visit("nodes", policy.nodes);
  visit("flags", policy.flags);
}

template <class Visitor>
void members(Visitor& visit, Linux& lin) {
  visit("namespaces", lin.namespaces);
  visit("uidMappings", lin.uid_mappings);
  visit("gidMappings", lin.gid_mappings);
  visit("timeOffsets", lin.time_offsets);
  visit("devices", lin.devices);
  visit("netDevices", lin.net_devices);
  visit("cgroupsPath", lin.cgroups_path);
  visit("resources", lin.resources);
  visit("rootfsPropagation", lin.rootfs_propagation);
  if constexpr (Visitor::reading) {
    if (!visit.unread("seccomp", lin.seccomp_text)) visit("seccomp", lin.seccomp);
  } else {
    visit("seccomp", lin.seccomp);
  }
  visit("sysctl", lin.sysctl);
  visit("maskedPaths", lin.masked_paths);
  visit("readonlyPaths", lin.readonly_paths);
  visit("mountLabel", lin.mount_label);
  visit("intelRdt", lin.intel_rdt);
  visit("personality", lin.personality);
  visit("memoryPolicy", lin.memory_policy);
}

template <class Visitor>
void members(Visitor& visit, RuntimeConfig& config) {
  visit.required("ociVersion", config.oci_version);
  visit("process", config.process);
  visit("root", config.root);
  visit("hostname", config.hostname);
  visit("domainname", config.domainname);
  visit("mounts", config.mounts);
  visit("hooks", config.hooks);
  visit("annotations", config.annotations);
  visit("linux", config.linux_);
  visit("vm", config.vm);
  visit("windows", config.windows);
  visit("solaris", config.solaris);
  visit("zos", config.zos);
  visit("freebsd", config.freebsd);
}

Result<RuntimeConfig> parse_runtime_config(std::string_view text, std::string_view source) {
  return parse_json<RuntimeConfig>(text, source);
}

Result<RuntimeConfig> parse_all_but_seccomp(std::string_view text, std::string_view source) {
  constexpr std::string_view seccomp[] = {"linux", "seccomp"};
  return parse_json<RuntimeConfig>(text, source, seccomp);
}

std::string to_json_text(const RuntimeConfig& config, int indent) {
  return to_json(config, indent);
}

Result<Process> parse_process(std::string_view text, std::string_view source) {
  return parse_json<Process>(text, source);
}

std::string to_json_text(const Process& process) {
  return to_json(process);
}

}  // namespace gantry::oci
