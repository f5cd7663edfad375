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
  RawJson scheduler;
  RawJson exec_cpu_affinity;
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

struct Linux {
  std::vector<Namespace> namespaces;
  std::vector<IdMapping> uid_mappings;
  std::vector<IdMapping> gid_mappings;
  std::map<std::string, TimeOffset> time_offsets;  // "monotonic", "boottime"
  std::vector<Device> devices;
  std::map<std::string, RawJson> net_devices;
  std::string cgroups_path;
  LinuxResources resources;
  std::string rootfs_propagation;
  std::optional<SeccompProfile> seccomp;
  std::map<std::string, std::string> sysctl;
  std::vector<std::string> masked_paths;
  std::vector<std::string> readonly_paths;
  std::string mount_label;
  RawJson intel_rdt;
  std::optional<Personality> personality;
  RawJson memory_policy;
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
};

// Errors: invalid, naming `source`, the JSON path, what was found and what was expected. Rules between
// members (a hostname needs a UTS namespace) are the runtime's to check.
Result<RuntimeConfig> parse_runtime_config(std::string_view text, std::string_view source);
std::string to_json_text(const RuntimeConfig& config, int indent = -1);

// A process document, as `exec --process FILE` takes it.
Result<Process> parse_process(std::string_view text, std::string_view source);
std::string to_json_text(const Process& process);

}  // namespace gantry::oci
