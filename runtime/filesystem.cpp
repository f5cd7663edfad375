#include "runtime/filesystem.h"

#include "runtime/syscalls.h"

#include <algorithm>
#include <sys/stat.h>

namespace gantry::runtime {
namespace {

// File systems whose superblock may be shared with others or has no read-only state of its own worth setting.
constexpr std::string_view virtual_types[] = {"proc",   "sysfs",  "cgroup2", "tmpfs",
                                              "mqueue", "devpts", "bpf",     "ramfs"};

constexpr size_t longest_option = 255;  // fsconfig(2) FSCONFIG_SET_STRING

struct SuperblockFlag {
  std::string_view name;
  unsigned long flag;
};

// What mount(2) takes as flags, never in its text.
constexpr SuperblockFlag superblock_flags[] = {{"sync", MS_SYNCHRONOUS},
                                               {"dirsync", MS_DIRSYNC},
                                               {"mand", MS_MANDLOCK},
                                               {"lazytime", MS_LAZYTIME},
                                               {"iversion", MS_I_VERSION}};

// What fsconfig(2) has no flag for.
constexpr std::string_view only_for_mount = "iversion";

bool has_mode(const MountOptions& options) {
  return std::any_of(options.options.begin(), options.options.end(),
                     [](const auto& option) { return option.key == "mode"; });
}

// A tmpfs over an existing folder takes over that folder's mode, unless told one.
struct OctalMode {
  char text[6] = "";  // empty: not wanted

  Failure inherit(const MountPlan& plan, BorrowedFd target) {
    if (plan.type != "tmpfs" || has_mode(plan.options)) return {};
    struct stat info {};
    if (::fstat(target.get(), &info) != 0) return {"stat the target", errno};
    for (int digit = 4, mode = static_cast<int>(info.st_mode & 07777); digit >= 0; --digit, mode /= 8) {
      text[digit] = static_cast<char>('0' + mode % 8);
    }
    return {};
  }
};

bool is_virtual(const std::string& type) {
  return std::find(std::begin(virtual_types), std::end(virtual_types), type) != std::end(virtual_types);
}

Failure make_filesystem_by_options(const MountPlan& plan, BorrowedFd target, UniqueFd& tree) {
  const char* place = plan.destination.c_str();
  const UniqueFd context(::fsopen(plan.type.c_str(), FSOPEN_CLOEXEC));
  if (!context) return {"mount %s: open the file system", errno, place};
  const char* source = plan.source.empty() ? plan.type.c_str() : plan.source.c_str();
  if (::fsconfig(context.get(), FSCONFIG_SET_STRING, "source", source, 0) != 0) {
    return {"mount %s: set the source", errno, place};
  }
  for (const auto& option : plan.options.options) STEP(set_option(context, option));
  OctalMode mode;
  STEP(mode.inherit(plan, target));
  if (*mode.text != '\0' && ::fsconfig(context.get(), FSCONFIG_SET_STRING, "mode", mode.text, 0) != 0) {
    return {"mount %s: set the mode", errno, place};
  }
  if ((plan.options.set & MOUNT_ATTR_RDONLY) != 0 && !is_virtual(plan.type)) {
    if (::fsconfig(context.get(), FSCONFIG_SET_FLAG, "ro", nullptr, 0) != 0) {
      return {"mount %s: make the file system read-only", errno, place};
    }
  }
  if (::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
    return {"mount %s: create the file system", errno, place};
  }
  tree = UniqueFd(::fsmount(context.get(), FSMOUNT_CLOEXEC, static_cast<unsigned>(plan.options.set)));
  if (!tree) return {"mount %s: make the mount", errno, place};
  return {};
}

bool needs_legacy_call(const MountPlan& plan) {
  return std::any_of(plan.options.options.begin(), plan.options.options.end(), [](const auto& option) {
    return option.value.size() > longest_option || (option.key == only_for_mount && !option.has_value);
  });
}

// Options as mount(2) wants them: a page of text, and flags.
struct MountText {
  char text[4096] = {};
  size_t used = 0;
  unsigned long flags = 0;
  bool complete = true;

  void add(std::string_view part) {
    complete = complete && used + part.size() < sizeof text;
    if (complete) used += part.copy(text + used, part.size());
  }
  void add(const FilesystemOption& option) {
    for (const auto& entry : superblock_flags) {
      if (option.has_value || option.key != entry.name) continue;
      flags |= entry.flag;
      return;
    }
    add_entry(option.key, option.has_value ? "=" : "", option.value);
  }
  void add_entry(std::string_view key, std::string_view equals, std::string_view value) {
    if (used > 0) add(",");
    const bool quoted = value.find(',') != std::string_view::npos;  // a label's categories
    add(key);
    add(equals);
    if (quoted) add("\"");
    add(value);
    if (quoted) add("\"");
  }
};

// fsconfig(2) takes no value longer than 255 bytes, mount(2) does. It is mounted where no container can
// interfere, on the host's /proc in this mount namespace, and becomes a tree like the others from there.
Failure make_filesystem_by_path(const MountPlan& plan, BorrowedFd target, UniqueFd& tree) {
  const char* place = plan.destination.c_str();
  constexpr const char* scratch = "/proc";
  MountText options;
  for (const auto& option : plan.options.options) options.add(option);
  OctalMode mode;
  STEP(mode.inherit(plan, target));
  if (*mode.text != '\0') options.add_entry("mode", "=", mode.text);
  if (!options.complete) return {"mount %s: options", E2BIG, place};
  if ((plan.options.set & MOUNT_ATTR_RDONLY) != 0 && !is_virtual(plan.type)) options.flags |= MS_RDONLY;
  const char* source = plan.source.empty() ? plan.type.c_str() : plan.source.c_str();
  if (::mount(source, scratch, plan.type.c_str(), options.flags, options.text) != 0) {
    return {"mount %s", errno, place};
  }
  tree = UniqueFd(::open(scratch, O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!tree) return {"mount %s: open the mount", errno, place};
  if (set_mount_attributes(tree, plan.options.set, MOUNT_ATTR__ATIME, 0, false) == 0) return {};
  return {"mount %s: set options", errno, place};
}

struct MountFlag {
  uint64_t attribute;
  unsigned long flag;
};

// What fsmount(2) and mount(2) call the same by different numbers. Read-only is for mount(2) a new file
// system's state too, which others may come to share: so it is there only for one that is not new.
constexpr MountFlag mount_flags[] = {
    {MOUNT_ATTR_NOSUID, MS_NOSUID},           {MOUNT_ATTR_NODEV, MS_NODEV},
    {MOUNT_ATTR_NOEXEC, MS_NOEXEC},           {MOUNT_ATTR_NOATIME, MS_NOATIME},
    {MOUNT_ATTR_STRICTATIME, MS_STRICTATIME}, {MOUNT_ATTR_NODIRATIME, MS_NODIRATIME}};

// Whether mount(2) says all that `plan` asks for; `text` gets the options.
bool fits_one_call(const MountPlan& plan, MountText& text) {
  uint64_t attributes = plan.options.set;
  for (const auto& entry : mount_flags) {
    if ((attributes & entry.attribute) == 0) continue;
    text.flags |= entry.flag;
    attributes &= ~entry.attribute;
  }
  if (plan.joins_superblock && (attributes & MOUNT_ATTR_RDONLY) != 0) {
    text.flags |= MS_RDONLY;
    attributes &= ~uint64_t{MOUNT_ATTR_RDONLY};
  }
  bool plain = true;
  for (const auto& option : plan.options.options) {
    text.add(option);
    plain = plain && option.key.find(',') == std::string::npos && option.value.find(',') == std::string::npos;
  }
  return plain && attributes == 0 && text.complete && plan.options.propagation.empty() &&
         !plan.options.copy_up && !plan.readonly_last && plan.root_label.empty() && is_virtual(plan.type);
}

}  // namespace

Failure set_option(BorrowedFd context, const FilesystemOption& option) {
  const char* key = option.key.c_str();
  const int done = option.has_value
                       ? ::fsconfig(context.get(), FSCONFIG_SET_STRING, key, option.value.c_str(), 0)
                       : ::fsconfig(context.get(), FSCONFIG_SET_FLAG, key, nullptr, 0);
  if (done == 0) return {};
  return {"mount option %s", errno, option.key.c_str()};
}

bool mount_in_one_call(const MountPlan& plan, BorrowedFd target) {
  MountText text;
  OctalMode mode;
  if (!fits_one_call(plan, text) || mode.inherit(plan, target)) return false;
  if (*mode.text != '\0') text.add_entry("mode", "=", mode.text);
  const char* source = plan.source.empty() ? plan.type.c_str() : plan.source.c_str();
  return text.complete && ::fchdir(target.get()) == 0 &&
         ::mount(source, ".", plan.type.c_str(), text.flags, text.text) == 0;
}

Failure make_filesystem(const MountPlan& plan, BorrowedFd target, UniqueFd& tree) {
  return needs_legacy_call(plan) ? make_filesystem_by_path(plan, target, tree)
                                 : make_filesystem_by_options(plan, target, tree);
}

}  // namespace gantry::runtime
