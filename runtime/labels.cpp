#include "runtime/labels.h"

#include "base/files.h"
#include "runtime/syscalls.h"

#include <climits>
#include <cstring>
#include <linux/magic.h>
#include <sys/vfs.h>

namespace gantry::runtime {
namespace {

bool selinux_enabled() {
  struct statfs info {};
  return ::statfs("/sys/fs/selinux", &info) == 0 && info.f_type == SELINUX_MAGIC;
}

bool apparmor_enabled() {
  const auto enabled = read_file("/sys/module/apparmor/parameters/enabled");
  return enabled && *enabled == "Y\n";
}

// One write(2) of `prefix` and `label` to a file of /proc/self/attr.
Failure write_attribute(BorrowedFd procfs, const char* file, const char* prefix, const std::string& label,
                        const char* what) {
  char text[PATH_MAX];
  const size_t length = std::strlen(prefix);
  if (length + label.size() > sizeof text) return {what, ENAMETOOLONG, label.c_str()};
  std::memcpy(text, prefix, length);
  std::memcpy(text + length, label.data(), label.size());
  const UniqueFd attribute = open_resolved(procfs, file, O_WRONLY, RESOLVE_BENEATH | RESOLVE_NO_XDEV);
  if (!attribute || ::write(attribute.get(), text, length + label.size()) < 0) {
    return {what, errno, label.c_str()};
  }
  return {};
}

}  // namespace

Result<LabelsPlan> plan_labels(const oci::Process& process, const Place& place) {
  LabelsPlan plan;
  if (!process.selinux_label.empty() && !selinux_enabled()) {
    return place.unsupported(
        ".selinuxLabel", "selinux label is specified in config, but selinux is disabled or not supported");
  }
  if (!process.apparmor_profile.empty() && !apparmor_enabled()) {
    return place.unsupported(".apparmorProfile", "apparmor: config provided but apparmor not supported");
  }
  plan.selinux_label = process.selinux_label;
  plan.apparmor_profile = process.apparmor_profile;
  return plan;
}

Result<void> check_mount_label(const std::string& label, const Place& place) {
  if (label.empty() || selinux_enabled()) return {};
  return place.unsupported("",
                           "selinux label is specified in config, but selinux is disabled or not supported");
}

Result<void> check_lsm_flags(const std::string& profile, const std::string& mount_context) {
  const std::string type = profile.substr(0, profile.find(':'));
  const bool named = type.size() + 1 < profile.size();
  if (!profile.empty() && (!named || (type != "apparmor" && type != "selinux"))) {
    return Error::make(ErrorKind::invalid,
                       "--lsm-profile must be apparmor:NAME or selinux:LABEL, found \"{}\"", profile);
  }
  if (type == "apparmor" && !apparmor_enabled()) {
    return Error::make(ErrorKind::unsupported, "--lsm-profile {}: this host has no AppArmor", profile);
  }
  const std::string policies = "/sys/kernel/security/apparmor";  // where criu looks for it
  if (type == "apparmor" && !path_exists(policies)) {
    return Error::make(ErrorKind::unsupported, "--lsm-profile {}: criu needs {}, which isn't mounted",
                       profile, policies);
  }
  if (type == "selinux" && !selinux_enabled()) {
    return Error::make(ErrorKind::unsupported, "--lsm-profile {}: this host has no SELinux", profile);
  }
  if (mount_context.empty() || selinux_enabled()) return {};
  return Error::make(ErrorKind::unsupported, "--lsm-mount-context {}: this host has no SELinux",
                     mount_context);
}

Failure set_key_label(const LabelsPlan& plan, BorrowedFd procfs) {
  if (plan.selinux_label.empty()) return {};
  return write_attribute(procfs, "self/attr/keycreate", "", plan.selinux_label, "selinux label %s of keys");
}

Failure set_exec_labels(const LabelsPlan& plan, BorrowedFd procfs) {
  if (!plan.apparmor_profile.empty()) {
    STEP(write_attribute(procfs, "self/attr/apparmor/exec", "exec ", plan.apparmor_profile,
                         "apparmor profile %s"));
  }
  if (plan.selinux_label.empty()) return {};
  return write_attribute(procfs, "self/attr/exec", "", plan.selinux_label, "selinux label %s");
}

}  // namespace gantry::runtime
