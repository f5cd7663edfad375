#include "runtime/sysctl.h"

#include "runtime/syscalls.h"

#include <algorithm>
#include <sys/stat.h>

namespace gantry::runtime {
namespace {

constexpr std::string_view ipc_keys[] = {
    "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem",
    "kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced",
};

// A joined namespace may be the host's: compared by the namespace's inode.
bool has_own(const oci::Linux& config, oci::NamespaceType type, const char* own) {
  for (const auto& space : config.namespaces) {
    if (space.type != type) continue;
    if (space.path.empty()) return true;
    struct stat theirs {};
    struct stat ours {};
    return ::stat(space.path.c_str(), &theirs) == 0 && ::stat(own, &ours) == 0 &&
           theirs.st_ino != ours.st_ino;
  }
  return false;
}

// "net.ipv4.conf.eth0/1.x" and "net/ipv4/conf/eth0.1/x" name the same: the first separator decides.
std::string path_of(const std::string& key) {
  std::string path = key;
  const auto first = key.find_first_of("./");
  if (first == std::string::npos || key[first] == '/') return path;
  for (char& c : path) {
    if (c == '.') {
      c = '/';
    } else if (c == '/') {
      c = '.';
    }
  }
  return path;
}

std::string dotted(std::string path) {
  std::replace(path.begin(), path.end(), '/', '.');
  return path;
}

Result<void> check_key(const std::string& key, const std::string& name, const oci::Linux& config) {
  const bool ipc = std::find(std::begin(ipc_keys), std::end(ipc_keys), name) != std::end(ipc_keys) ||
                   name.rfind("fs.mqueue.", 0) == 0;
  if (ipc) {
    if (has_own(config, oci::NamespaceType::ipc, "/proc/self/ns/ipc")) return {};
    return Error::make(ErrorKind::invalid, "sysctl \"{}\" is not allowed in the hosts ipc namespace", key);
  }
  if (name.rfind("net.", 0) == 0) {
    if (has_own(config, oci::NamespaceType::network, "/proc/self/ns/net")) return {};
    return Error::make(ErrorKind::invalid, "sysctl \"{}\" not allowed in host network namespace", key);
  }
  if (name == "kernel.domainname") {
    if (has_own(config, oci::NamespaceType::uts, "/proc/self/ns/uts")) return {};
    return Error::make(ErrorKind::invalid, "sysctl \"{}\" is not allowed in the hosts uts namespace", key);
  }
  if (name == "kernel.hostname") {
    return Error::make(ErrorKind::invalid, "sysctl \"{}\" is not allowed: use the hostname field instead",
                       key);
  }
  if (name.rfind("user.", 0) == 0 && has_own(config, oci::NamespaceType::user, "/proc/self/ns/user"))
    return {};
  return Error::make(ErrorKind::invalid, "sysctl \"{}\" is not in a separate kernel namespace", key);
}

}  // namespace

Result<std::vector<SysctlPlan>> plan_sysctls(const oci::Linux& config) {
  std::vector<SysctlPlan> plans;
  for (const auto& [key, value] : config.sysctl) {
    const std::string path = path_of(key);
    TRY(check_key(key, dotted(path), config));
    if (path.find("..") != std::string::npos) {
      return Error::make(ErrorKind::invalid, "sysctl \"{}\" is not a name", key);
    }
    if (value.find('\n') != std::string::npos) {
      return Error::make(ErrorKind::invalid, "sysctl \"{}\": the value must be one line", key);
    }
    plans.push_back({key, "sys/" + path, value});
  }
  return plans;
}

Failure write_sysctls(const std::vector<SysctlPlan>& plans, BorrowedFd procfs) {
  for (const auto& plan : plans) {
    const UniqueFd file = open_resolved(procfs, plan.path.c_str(), O_WRONLY,
                                        RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS);
    if (!file) return {"open sysctl %s", errno, plan.key.c_str()};
    const ssize_t written = ::write(file.get(), plan.value.data(), plan.value.size());
    if (written < 0) return {"write sysctl %s", errno, plan.key.c_str()};
  }
  return {};
}

}  // namespace gantry::runtime
