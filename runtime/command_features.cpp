#include "base/json.h"
#include "runtime/capabilities.h"
#include "runtime/commands.h"
#include "runtime/criu.h"
#include "runtime/mount_options.h"
#include "runtime/scheduling.h"
#include "runtime/seccomp.h"
#include "runtime/version.h"

namespace gantry::runtime {

struct CgroupFeatures {
  bool v1 = false;
  bool v2 = true;
  bool systemd = true;
  bool systemd_user = true;
  bool rdma = true;
};

struct SeccompFeatures {
  bool enabled = true;
  std::vector<std::string> actions = {"SCMP_ACT_ALLOW",        "SCMP_ACT_ERRNO",       "SCMP_ACT_KILL",
                                      "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_LOG",
                                      "SCMP_ACT_NOTIFY",       "SCMP_ACT_TRACE",       "SCMP_ACT_TRAP"};
  std::vector<std::string> operators = {"SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT",       "SCMP_CMP_LE",
                                        "SCMP_CMP_LT", "SCMP_CMP_NE", "SCMP_CMP_MASKED_EQ"};
  std::vector<std::string> architectures = seccomp_architectures();
  std::vector<std::string> flags = seccomp_flags();
  std::vector<std::string> supported_flags = supported_seccomp_flags();
};

struct Enabled {
  bool enabled = false;
};

struct IdMapExtension {
  Enabled idmap{true};
};

struct IntelRdtFeatures {
  bool enabled = true;
  bool schemata = true;
  bool monitoring = true;
};

struct MemoryPolicyFeatures {
  std::vector<std::string> modes = memory_policy_modes();
  std::vector<std::string> flags = memory_policy_flags();
};

// What this program can do; of the host's kernel only what the specification asks for.
struct LinuxFeatures {
  std::vector<std::string> namespaces = {"cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"};
  std::vector<std::string> capabilities = kernel_capabilities();
  CgroupFeatures cgroup;
  SeccompFeatures seccomp;
  Enabled apparmor{true};
  Enabled selinux{true};
  IntelRdtFeatures intel_rdt;
  MemoryPolicyFeatures memory_policy;
  IdMapExtension mount_extensions;
  Enabled net_devices{true};
};

struct Features {
  std::string minimum = "1.0.0";
  std::string maximum = std::string(oci::runtime_spec_version);
  std::vector<std::string> hooks = {"prestart",       "createRuntime", "createContainer",
                                    "startContainer", "poststart",     "poststop"};
  std::vector<std::string> mount_options = known_mount_options();
  LinuxFeatures linux_;
  std::map<std::string, std::string> annotations = {
      {"io.gantry.oci.version", GANTRY_VERSION},
      {"io.gantry.libseccomp.version", libseccomp_version()},
      {"org.opencontainers.runc.checkpoint.enabled", find_criu() ? "true" : "false"}};
  // All that change what the runtime does; a name that ends with "." is a prefix.
  std::vector<std::string> unsafe_annotations = {"org.criu.config",
                                                 "org.systemd.property.",
                                                 "run.oci.hooks.stderr",
                                                 "run.oci.hooks.stdout",
                                                 "run.oci.keep_original_groups",
                                                 "run.oci.pidfd_receiver",
                                                 "run.oci.seccomp_fail_unknown_syscall"};
};

template <class Visitor>
void members(Visitor& visit, CgroupFeatures& cgroup) {
  visit("v1", cgroup.v1);
  visit("v2", cgroup.v2);
  visit("systemd", cgroup.systemd);
  visit("systemdUser", cgroup.systemd_user);
  visit("rdma", cgroup.rdma);
}

template <class Visitor>
void members(Visitor& visit, SeccompFeatures& seccomp) {
  visit("enabled", seccomp.enabled);
  visit("actions", seccomp.actions);
  visit("operators", seccomp.operators);
  visit("archs", seccomp.architectures);
  visit("knownFlags", seccomp.flags);
  visit("supportedFlags", seccomp.supported_flags);
}

template <class Visitor>
void members(Visitor& visit, Enabled& feature) {
  visit("enabled", feature.enabled);
}

template <class Visitor>
void members(Visitor& visit, IntelRdtFeatures& features) {
  visit("enabled", features.enabled);
  visit("schemata", features.schemata);
  visit("monitoring", features.monitoring);
}

template <class Visitor>
void members(Visitor& visit, MemoryPolicyFeatures& features) {
  visit("modes", features.modes);
  visit("flags", features.flags);
}

template <class Visitor>
void members(Visitor& visit, IdMapExtension& extension) {
  visit("idmap", extension.idmap);
}

template <class Visitor>
void members(Visitor& visit, LinuxFeatures& features) {
  visit("namespaces", features.namespaces);
  visit("capabilities", features.capabilities);
  visit("cgroup", features.cgroup);
  visit("seccomp", features.seccomp);
  visit("apparmor", features.apparmor);
  visit("selinux", features.selinux);
  visit("intelRdt", features.intel_rdt);
  visit("memoryPolicy", features.memory_policy);
  visit("mountExtensions", features.mount_extensions);
  visit("netDevices", features.net_devices);
}

template <class Visitor>
void members(Visitor& visit, Features& features) {
  visit("ociVersionMin", features.minimum);
  visit("ociVersionMax", features.maximum);
  visit("hooks", features.hooks);
  visit("mountOptions", features.mount_options);
  visit("linux", features.linux_);
  visit("annotations", features.annotations);
  visit("potentiallyUnsafeConfigAnnotations", features.unsafe_annotations);
}

Result<int> command_features(const GlobalOptions&, const Arguments& arguments) {
  const auto rest = TRY(arguments_of("features", {}, arguments));
  if (!rest) return 0;
  print_line(to_json(Features{}, 2));
  return 0;
}

Result<int> command_version(const GlobalOptions&, const Arguments& arguments) {
  const auto rest = TRY(arguments_of("version", {}, arguments));
  if (rest) print_line(version_text());
  return 0;
}

std::string version_text() {
  return format("gantry-oci version {}\nspec: {}\nlibseccomp: {}", GANTRY_VERSION, oci::runtime_spec_version,
                libseccomp_version());
}

}  // namespace gantry::runtime
