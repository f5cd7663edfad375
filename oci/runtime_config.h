#pragma once

#include "base/json.h"
#include "oci/linux_resources.h"
#include "oci/seccomp_profile.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// config.json of an OCI bundle: what is in the document, not what a runtime can honour.
// Source: runtime-spec 1.3, config.md and config-linux.md.

namespace gantry::oci {

inline constexpr std::string_view runtime_spec_version = "1.3.0";

struct Root {
  std::string path;  // absolute, or relative to the bundle
  bool readonly = false;
};

struct IdMapping {
  uint32_t container_id = 0;
  uint32_t host_id = 0;
  uint32_t size = 0;
};

struct Mount {
  std::string destination;
  std::string type;
  std::string source;
  std::vector<std::string> options;
  std::vector<IdMapping> uid_mappings;
  std::vector<IdMapping> gid_mappings;
};

struct Box {
  uint32_t height = 0;
  uint32_t width = 0;
};

struct User {
  uint32_t uid = 0;
  uint32_t gid = 0;
  std::optional<uint32_t> umask;
  std::vector<uint32_t> additional_gids;
  std::string username;  // Windows' form of uid: a runtime for Linux refuses it
};

// Names as in capabilities(7): "CAP_CHOWN".
struct Capabilities {
  std::vector<std::string> bounding;
  std::vector<std::string> effective;
  std::vector<std::string> inheritable;
  std::vector<std::string> permitted;
  std::vector<std::string> ambient;
};

struct Rlimit {
  std::string type;  // "RLIMIT_NOFILE"
  uint64_t soft = 0;
  uint64_t hard = 0;
};

struct IoPriority {
  std::string io_class;  // "IOPRIO_CLASS_BE"
  int32_t priority = 0;
};

// Times are in nanoseconds. sched_setattr(2).
struct Scheduler {
  std::string policy;  // "SCHED_FIFO"
  int32_t nice = 0;
  int32_t priority = 0;
  std::vector<std::string> flags;  // "SCHED_FLAG_RESET_ON_FORK"
  std::optional<uint64_t> runtime;
  std::optional<uint64_t> deadline;
  std::optional<uint64_t> period;
};

// Lists of CPUs, "0-3,7"; empty: left alone.
struct CpuAffinity {
  std::string initial;
  std::string final;
};

struct Process {
  bool terminal = false;
  std::optional<Box> console_size;
  User user;
  std::vector<std::string> args;
  std::vector<std::string> env;  // NAME=VALUE
  std::string cwd;
  std::optional<Capabilities> capabilities;
  std::vector<Rlimit> rlimits;
  bool no_new_privileges = false;
  std::string apparmor_profile;
  std::string selinux_label;
  std::optional<int32_t> oom_score_adj;
  std::optional<IoPriority> io_priority;
  std::optional<Scheduler> scheduler;
  std::optional<CpuAffinity> exec_cpu_affinity;
  std::string command_line;  // Windows' form of args: a runtime for Linux refuses it
};

struct Hook {
  std::string path;
  std::vector<std::string> args;
  std::vector<std::string> env;
  std::optional<int32_t> timeout;  // seconds
};

struct Hooks {
  std::vector<Hook> prestart;
  std::vector<Hook> create_runtime;
  std::vector<Hook> create_container;
  std::vector<Hook> start_container;
  std::vector<Hook> poststart;
  std::vector<Hook> poststop;
};

enum class NamespaceType { pid, network, mount, ipc, uts, user, cgroup, time };

struct Namespace {
  NamespaceType type = NamespaceType::mount;
  std::string path;  // empty: a new one
};

struct Device {
  std::string type;  // "c", "b", "u", "p"
  std::string path;  // absolute, inside the root
  int64_t major = 0;
  int64_t minor = 0;
  std::optional<uint32_t> file_mode;
  std::optional<uint32_t> uid;
  std::optional<uint32_t> gid;
};

struct TimeOffset {
  int64_t secs = 0;
  uint32_t nanosecs = 0;
};

struct Personality {
  std::string domain;  // "LINUX", "LINUX32"
  std::vector<std::string> flags;
};

struct NetDevice {
  std::string name;  // in the container; empty: the host's name
};

// resctrl(4): Documentation/arch/x86/resctrl.rst
struct IntelRdt {
  std::string clos_id;  // empty: the container's id
  std::vector<std::string> schemata;
  std::string l3_cache_schema;
  std::string mem_bw_schema;
  bool enable_monitoring = false;
  bool enable_cmt = false;  // before spec 1.3; either of these two asks for the same monitoring
  bool enable_mbm = false;
};

// set_mempolicy(2)
struct MemoryPolicy {
  std::string mode;                // "MPOL_BIND"
  std::string nodes;               // "0-3,7"
  std::vector<std::string> flags;  // "MPOL_F_STATIC_NODES"
};

struct Linux {
  std::vector<Namespace> namespaces;
  std::vector<IdMapping> uid_mappings;
  std::vector<IdMapping> gid_mappings;
  std::map<std::string, TimeOffset> time_offsets;  // "monotonic", "boottime"
  std::vector<Device> devices;
  std::map<std::string, NetDevice> net_devices;  // by the name on the host
  std::string cgroups_path;
  LinuxResources resources;
  std::string rootfs_propagation;
  std::optional<SeccompProfile> seccomp;
  std::string seccomp_text;  // the member as it stands in the text, from parse_all_but_seccomp
  std::map<std::string, std::string> sysctl;
  std::vector<std::string> masked_paths;
  std::vector<std::string> readonly_paths;
  std::string mount_label;
  std::optional<IntelRdt> intel_rdt;
  std::optional<Personality> personality;
  std::optional<MemoryPolicy> memory_policy;
};

struct RuntimeConfig {
  std::string oci_version;
  std::optional<Process> process;
  std::optional<Root> root;
  std::string hostname;
  std::string domainname;
  std::vector<Mount> mounts;
  std::optional<Hooks> hooks;
  std::map<std::string, std::string> annotations;
  std::optional<Linux> linux_;  // `linux` is a macro of gcc's GNU dialect
  RawJson vm;                   // other platforms' members: a runtime for Linux refuses them
  RawJson windows;
  RawJson solaris;
  RawJson zos;
  RawJson freebsd;
};

// Errors: invalid, naming `source`, the JSON path, what was found and what was expected. Rules between
// members (a hostname needs a UTS namespace) are the runtime's to check.
Result<RuntimeConfig> parse_runtime_config(std::string_view text, std::string_view source);
// The same, with linux.seccomp unread, the larger part of what engines write: for who knows that very text
// already.
Result<RuntimeConfig> parse_all_but_seccomp(std::string_view text, std::string_view source);
std::string to_json_text(const RuntimeConfig& config, int indent = -1);

// A process document, as `exec --process FILE` takes it.
Result<Process> parse_process(std::string_view text, std::string_view source);
std::string to_json_text(const Process& process);

}  // namespace gantry::oci
