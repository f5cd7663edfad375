#include "runtime/mount_options.h"

#include <algorithm>
#include <span>
#include <string_view>
#include <sys/mount.h>

namespace gantry::runtime {
namespace {

struct AttributeName {
  std::string_view name;
  uint64_t set;
  uint64_t clear;
};

// The access time is one field of three values, so that setting one clears the field.
constexpr uint64_t atime = MOUNT_ATTR__ATIME;

constexpr AttributeName attribute_names[] = {
    {"ro", MOUNT_ATTR_RDONLY, 0},
    {"rw", 0, MOUNT_ATTR_RDONLY},
    {"nosuid", MOUNT_ATTR_NOSUID, 0},
    {"suid", 0, MOUNT_ATTR_NOSUID},
    {"nodev", MOUNT_ATTR_NODEV, 0},
    {"dev", 0, MOUNT_ATTR_NODEV},
    {"noexec", MOUNT_ATTR_NOEXEC, 0},
    {"exec", 0, MOUNT_ATTR_NOEXEC},
    {"nosymfollow", MOUNT_ATTR_NOSYMFOLLOW, 0},
    {"symfollow", 0, MOUNT_ATTR_NOSYMFOLLOW},
    {"nodiratime", MOUNT_ATTR_NODIRATIME, 0},
    {"diratime", 0, MOUNT_ATTR_NODIRATIME},
    {"noatime", MOUNT_ATTR_NOATIME, atime},
    {"atime", MOUNT_ATTR_RELATIME, atime},
    {"relatime", MOUNT_ATTR_RELATIME, atime},
    {"norelatime", MOUNT_ATTR_RELATIME, atime},
    {"strictatime", MOUNT_ATTR_STRICTATIME, atime},
    {"nostrictatime", MOUNT_ATTR_RELATIME, atime},
};

constexpr std::string_view propagation_names[] = {"private", "rprivate", "shared",     "rshared",
                                                  "slave",   "rslave",   "unbindable", "runbindable"};

// Flags of the superblock, which fsconfig(2) knows by these names.
constexpr std::string_view superblock_names[] = {"sync", "dirsync", "mand", "lazytime", "iversion"};
// Defaults, the absence of one of the above, and how much the kernel logs about it, which is nothing now.
constexpr std::string_view empty_names[] = {"defaults",   "async",      "nomand", "silent",
                                            "nolazytime", "noiversion", "loud"};

bool is_among(std::span<const std::string_view> names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

const AttributeName* find_attribute(std::string_view name) {
  const auto* found = std::find_if(std::begin(attribute_names), std::end(attribute_names),
                                   [&](const auto& entry) { return entry.name == name; });
  return found == std::end(attribute_names) ? nullptr : found;
}

void apply(const AttributeName& attribute, uint64_t& set, uint64_t& clear) {
  set &= ~attribute.clear;  // later options win
  clear &= ~attribute.set;
  set |= attribute.set;
  clear |= attribute.clear;
}

void add_filesystem_option(const std::string& option, MountOptions& into) {
  const auto equals = option.find('=');
  if (equals == std::string::npos) {
    into.options.push_back({option, {}, false});
  } else {
    into.options.push_back({option.substr(0, equals), option.substr(equals + 1), true});
  }
}

bool is_id_map(std::string_view option) {
  const auto name = option.substr(0, option.find('='));
  return name == "idmap" || name == "ridmap";
}

Result<void> add_option(const std::string& option, MountOptions& into) {
  if (option.empty() || is_among(empty_names, option)) return {};
  if (option == "bind" || option == "rbind") {
    into.bind = true;
    into.recursive_bind = into.recursive_bind || option == "rbind";
  } else if (const auto* attribute = find_attribute(option)) {
    apply(*attribute, into.set, into.clear);
  } else if (option[0] == 'r' && find_attribute(option.substr(1)) != nullptr) {
    apply(*find_attribute(option.substr(1)), into.recursive_set, into.recursive_clear);
  } else if (is_among(propagation_names, option)) {
    into.propagation.push_back(TRY(parse_propagation(option)));
  } else if (option == "tmpcopyup") {
    into.copy_up = true;
  } else if (option == "remount") {
    into.remount = true;
  } else if (is_id_map(option)) {
    into.id_map = option[0] == 'r' ? IdMapOption::recursive : IdMapOption::top;
    const auto equals = option.find('=');
    if (equals != std::string::npos) into.id_map_text = option.substr(equals + 1);
  } else {
    add_filesystem_option(option, into);
  }
  return {};
}

}  // namespace

Result<MountOptions> parse_mount_options(const std::vector<std::string>& options) {
  MountOptions parsed;
  for (const auto& option : options) TRY(add_option(option, parsed));
  return parsed;
}

Result<Propagation> parse_propagation(const std::string& name) {
  Propagation propagation;
  if (name.empty()) return propagation;
  if (!is_among(propagation_names, name)) {
    return Error::make(ErrorKind::invalid, "unknown mount propagation \"{}\"", name);
  }
  propagation.recursive = name[0] == 'r';
  const std::string_view plain = std::string_view(name).substr(propagation.recursive ? 1 : 0);
  if (plain == "private") propagation.type = MS_PRIVATE;
  if (plain == "shared") propagation.type = MS_SHARED;
  if (plain == "slave") propagation.type = MS_SLAVE;
  if (plain == "unbindable") propagation.type = MS_UNBINDABLE;
  return propagation;
}

std::vector<std::string> known_mount_options() {
  std::vector<std::string> names = {"bind", "rbind", "tmpcopyup", "remount", "idmap", "ridmap"};
  for (const auto& entry : attribute_names) {
    names.emplace_back(entry.name);
    names.push_back("r" + std::string(entry.name));
  }
  for (const auto name : propagation_names) names.emplace_back(name);
  for (const auto name : superblock_names) names.emplace_back(name);
  for (const auto name : empty_names) names.emplace_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace gantry::runtime
