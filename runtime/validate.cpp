#include "runtime/validate.h"

#include "base/text.h"
#include "runtime/clean_path.h"

#include <algorithm>
#include <set>

namespace gantry::runtime {
namespace {

using oci::NamespaceType;

const oci::Namespace* find_namespace(const oci::Linux& config, NamespaceType type) {
  for (const auto& space : config.namespaces) {
    if (space.type == type) return &space;
  }
  return nullptr;
}

Result<void> check_version(const std::string& version, const std::string& source) {
  const auto parts = split(version, '.');
  if (parts.size() >= 3 && parts[0] == "1") return {};
  return Error::make(ErrorKind::invalid, "{}: $.ociVersion: must be a 1.x.y version, found \"{}\"", source,
                     version);
}

Result<void> refuse(const std::string& source, const char* member, bool present) {
  if (!present) return {};
  return Error::make(ErrorKind::unsupported, "{}: {} is not supported by this runtime", source, member);
}

Result<void> refuse_unsupported(const oci::RuntimeConfig& config, const std::string& source) {
  const oci::Linux& lin = *config.linux_;
  const std::pair<const char*, bool> members[] = {
      {"$.vm", !config.vm.text.empty()},
      {"$.windows", !config.windows.text.empty()},
      {"$.solaris", !config.solaris.text.empty()},
      {"$.zos", !config.zos.text.empty()},
      {"$.linux.intelRdt", !lin.intel_rdt.text.empty()},
      {"$.linux.memoryPolicy", !lin.memory_policy.text.empty()},
      {"$.linux.netDevices", !lin.net_devices.empty()},
      {"$.linux.mountLabel", !lin.mount_label.empty()},
  };
  for (const auto& [member, present] : members) TRY(refuse(source, member, present));
  for (const auto& mount : config.mounts) {
    if (mount.uid_mappings.empty() && mount.gid_mappings.empty()) continue;
    return Error::make(ErrorKind::unsupported, "mount {}: id-mapped mounts are not supported by this runtime",
                       mount.destination);
  }
  return {};
}

Result<void> check_namespaces(const oci::Linux& config, const std::string& source) {
  std::set<NamespaceType> seen;
  for (const auto& space : config.namespaces) {
    if (!seen.insert(space.type).second) {
      return Error::make(ErrorKind::invalid, "{}: $.linux.namespaces: a namespace type is given twice",
                         source);
    }
  }
  if (find_namespace(config, NamespaceType::mount) == nullptr) {
    if (!config.masked_paths.empty() || !config.readonly_paths.empty()) {
      return Error::make(ErrorKind::invalid,
                         "unable to restrict sys entries without a private MNT namespace");
    }
    return Error::make(ErrorKind::unsupported,
                       "a container without a private MNT namespace is not supported");
  }
  const bool mapped = !config.uid_mappings.empty() || !config.gid_mappings.empty();
  const oci::Namespace* user = find_namespace(config, NamespaceType::user);
  if (user == nullptr && mapped) {
    return Error::make(ErrorKind::invalid,
                       "user namespace mappings specified, but user namespace isn't enabled in the config");
  }
  if (user != nullptr && user->path.empty() && (config.uid_mappings.empty() || config.gid_mappings.empty())) {
    return Error::make(
        ErrorKind::invalid,
        "user namespaces enabled, but no namespace path to join nor mappings to apply specified");
  }
  if (user != nullptr && !user->path.empty() && mapped) {
    return Error::make(ErrorKind::invalid,
                       "user namespace enabled, but both namespace path and mapping specified - "
                       "you may only provide one");
  }
  const oci::Namespace* time = find_namespace(config, NamespaceType::time);
  if (!config.time_offsets.empty() && (time == nullptr || !time->path.empty())) {
    return Error::make(ErrorKind::invalid,
                       "time namespace offsets specified, but time namespace isn't enabled in the config");
  }
  return {};
}

Result<void> check_names(const oci::RuntimeConfig& config) {
  if (find_namespace(*config.linux_, NamespaceType::uts) != nullptr) return {};
  if (!config.hostname.empty()) {
    return Error::make(ErrorKind::invalid, "unable to set hostname without a private UTS namespace");
  }
  if (!config.domainname.empty()) {
    return Error::make(ErrorKind::invalid, "unable to set domainname without a private UTS namespace");
  }
  return {};
}

Result<void> check_mounts(const oci::RuntimeConfig& config, const std::string& source) {
  for (const auto& mount : config.mounts) {
    if (mount.destination.empty()) {
      return Error::make(ErrorKind::invalid, "{}: $.mounts: a destination must not be empty", source);
    }
    const std::string place = clean_path(mount.destination);
    if (place == "/")
      return Error::make(ErrorKind::invalid, "mount {}: cannot be mounted over /", mount.destination);
    const bool bind = mount.type == "bind" ||
                      std::count(mount.options.begin(), mount.options.end(), "bind") > 0 ||
                      std::count(mount.options.begin(), mount.options.end(), "rbind") > 0;
    if (place == "/proc" && mount.type != "proc" && !bind) {
      return Error::make(ErrorKind::invalid, "\"{}\" cannot be mounted because it is not of type proc",
                         place);
    }
  }
  return {};
}

Result<void> check_annotations(const oci::RuntimeConfig& config, const std::string& source) {
  if (config.annotations.count("") == 0) return {};
  return Error::make(ErrorKind::invalid, "{}: $.annotations: a key must not be empty", source);
}

}  // namespace

Result<void> check_config(const oci::RuntimeConfig& config, const std::string& source) {
  TRY(check_version(config.oci_version, source));
  if (!config.root) return Error::invalid(source, "$", "required member \"root\" is missing");
  if (config.root->path.empty()) return Error::invalid(source, "$.root.path", "must not be empty");
  if (!config.process) return Error::make(ErrorKind::invalid, "process property must not be empty");
  if (!config.linux_) return Error::invalid(source, "$", "required member \"linux\" is missing");
  TRY(refuse_unsupported(config, source));
  TRY(check_namespaces(*config.linux_, source));
  TRY(check_names(config));
  TRY(check_mounts(config, source));
  return check_annotations(config, source);
}

}  // namespace gantry::runtime
