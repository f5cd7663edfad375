#include "runtime/validate.h"

#include "base/text.h"
#include "runtime/clean_path.h"
#include "runtime/labels.h"
#include "runtime/net_devices.h"
#include "runtime/place.h"

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
  return Error::invalid(source, "$.ociVersion", "must be a 1.x.y version, found \"{}\"", version);
}

Result<void> refuse_unsupported(const oci::RuntimeConfig& config, const std::string& source) {
  const std::pair<const char*, const RawJson*> members[] = {{"$.vm", &config.vm},
                                                            {"$.windows", &config.windows},
                                                            {"$.solaris", &config.solaris},
                                                            {"$.zos", &config.zos},
                                                            {"$.freebsd", &config.freebsd}};
  for (const auto& [member, value] : members) {
    if (value->text.empty()) continue;
    return Error::make(ErrorKind::unsupported, "{}: {}: is not supported by this runtime", source, member);
  }
  return {};
}

Result<void> check_user_namespace(const oci::Linux& config, const Place& place) {
  const bool mapped = !config.uid_mappings.empty() || !config.gid_mappings.empty();
  const oci::Namespace* user = find_namespace(config, NamespaceType::user);
  if (user == nullptr && mapped) {
    const char* member = config.uid_mappings.empty() ? ".gidMappings" : ".uidMappings";
    return place.invalid(member,
                         "user namespace mappings specified, but user namespace isn't enabled in the config");
  }
  if (user != nullptr && user->path.empty() && (config.uid_mappings.empty() || config.gid_mappings.empty())) {
    return place.invalid(
        ".namespaces",
        "user namespaces enabled, but no namespace path to join nor mappings to apply specified");
  }
  if (user != nullptr && !user->path.empty() && mapped) {
    return place.invalid(".namespaces",
                         "user namespace enabled, but both namespace path and mapping specified - "
                         "you may only provide one");
  }
  return {};
}

Result<void> check_namespaces(const oci::Linux& config, const Place& place) {
  std::set<NamespaceType> seen;
  for (size_t i = 0; i < config.namespaces.size(); ++i) {
    if (seen.insert(config.namespaces[i].type).second) continue;
    return place.invalid(format(".namespaces[{}]", i), "a namespace type is given twice");
  }
  if (find_namespace(config, NamespaceType::mount) == nullptr) {
    if (!config.masked_paths.empty() || !config.readonly_paths.empty()) {
      const char* member = config.masked_paths.empty() ? ".readonlyPaths" : ".maskedPaths";
      return place.invalid(member, "unable to restrict sys entries without a private MNT namespace");
    }
    if (find_namespace(config, NamespaceType::user) != nullptr) {
      return place.invalid(".namespaces", "a user namespace may not mount without a private MNT namespace");
    }
  }
  TRY(check_user_namespace(config, place));
  const oci::Namespace* time = find_namespace(config, NamespaceType::time);
  if (config.time_offsets.empty() || (time != nullptr && time->path.empty())) return {};
  if (time == nullptr) {
    return place.invalid(".timeOffsets",
                         "time namespace offsets specified, but time namespace isn't enabled in the config");
  }
  return place.invalid(".timeOffsets",
                       "time namespace enabled, but both namespace path and time offsets specified - "
                       "you may only provide one");
}

// Source: runtime-spec config-linux.md "Masked Paths", "Readonly Paths".
Result<void> check_paths(const oci::Linux& config, const Place& place) {
  for (const auto& [member, paths] : {std::pair(".maskedPaths", &config.masked_paths),
                                      std::pair(".readonlyPaths", &config.readonly_paths)}) {
    for (size_t i = 0; i < paths->size(); ++i) {
      const auto& path = (*paths)[i];
      if (path.empty() || path[0] != '/') {
        return place.invalid(format("{}[{}]", member, i), "must be absolute, found \"{}\"", path);
      }
    }
  }
  return {};
}

Result<void> check_names(const oci::RuntimeConfig& config, const std::string& source) {
  const Place place{source, "$"};
  for (const char* key : {"kernel.domainname", "kernel/domainname"}) {
    const auto sysctl = config.linux_->sysctl.find(key);
    if (config.domainname.empty() || sysctl == config.linux_->sysctl.end()) continue;
    if (sysctl->second == config.domainname) continue;
    return place.invalid(".domainname", "\"{}\" isn't what sysctl \"{}\" sets it to: \"{}\"",
                         config.domainname, key, sysctl->second);
  }
  if (find_namespace(*config.linux_, NamespaceType::uts) != nullptr) return {};
  if (!config.hostname.empty()) {
    return place.invalid(".hostname", "unable to set hostname without a private UTS namespace");
  }
  if (!config.domainname.empty()) {
    return place.invalid(".domainname", "unable to set domainname without a private UTS namespace");
  }
  return {};
}

Result<void> check_mount(const oci::Mount& mount) {
  if (mount.destination.empty()) {
    return Error::make(ErrorKind::invalid, "a destination must not be empty");
  }
  const std::string target = clean_path(mount.destination);
  if (target == "/") {
    return Error::make(ErrorKind::invalid, "mount {}: cannot be mounted over /", mount.destination);
  }
  const bool bind = mount.type == "bind" ||
                    std::count(mount.options.begin(), mount.options.end(), "bind") > 0 ||
                    std::count(mount.options.begin(), mount.options.end(), "rbind") > 0;
  if (target == "/proc" && mount.type != "proc" && !bind) {
    return Error::make(ErrorKind::invalid, "\"{}\" cannot be mounted because it is not of type proc", target);
  }
  return {};
}

Result<void> check_mounts(const oci::RuntimeConfig& config, const std::string& source) {
  for (size_t i = 0; i < config.mounts.size(); ++i) {
    TRY(check_mount(config.mounts[i]).context("{}: $.mounts[{}]", source, i));
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
  if (!config.process) return Error::invalid(source, "$.process", "process property must not be empty");
  if (!config.linux_) return Error::invalid(source, "$", "required member \"linux\" is missing");
  TRY(refuse_unsupported(config, source));
  TRY(check_namespaces(*config.linux_, {source, "$.linux"}));
  TRY(check_paths(*config.linux_, {source, "$.linux"}));
  TRY(check_names(config, source));
  TRY(check_mount_label(config.linux_->mount_label, {source, "$.linux.mountLabel"}));
  TRY(check_mounts(config, source));
  TRY(check_net_devices(*config.linux_, {source, "$.linux"}));
  return check_annotations(config, source);
}

}  // namespace gantry::runtime
