#include "runtime/mounts.h"

#include "base/files.h"
#include "runtime/clean_path.h"
#include "runtime/copy_up.h"
#include "runtime/root_path.h"
#include "runtime/syscalls.h"

#include <algorithm>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

namespace gantry::runtime {
namespace {

constexpr std::string_view writable_proc_files[] = {
    "/proc/cpuinfo",
    "/proc/diskstats",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/swaps",
    "/proc/uptime",
    "/proc/loadavg",
    "/proc/slabinfo",
    "/proc/sys/kernel/ns_last_pid",
    "/proc/sys/crypto/fips_enabled",
};

// File systems whose superblock may be shared with others or has no read-only state of its own worth setting.
constexpr std::string_view virtual_types[] = {"proc",   "sysfs",  "cgroup2", "tmpfs",
                                              "mqueue", "devpts", "bpf",     "ramfs"};

constexpr size_t longest_option = 255;  // fsconfig(2) FSCONFIG_SET_STRING
constexpr ino_t proc_root = 1;

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

// The kernel labels these itself, and takes no option for it.
constexpr std::string_view self_labelled_types[] = {"proc", "sysfs", "cgroup2"};

template <size_t N>
bool is_one_of(const std::string_view (&names)[N], std::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

bool is_cgroup(const std::string& type) {
  return type == "cgroup" || type == "cgroup2";
}

// Below a mount that isn't shared, what is attached keeps its propagation: then that needn't wait.
bool can_propagate_early(const MountOptions& options, const MountContext& context) {
  return !context.shares && options.propagation.size() == 1 &&
         (options.propagation[0].recursive || !options.recursive_bind);
}

// The propagation that a bind's copy begins with; taken out of the options when it is all that they ask for.
uint64_t take_propagation(MountOptions& options, const MountContext& context) {
  if (can_propagate_early(options, context)) {
    const uint64_t propagation = options.propagation[0].type;
    options.propagation.clear();
    return propagation;
  }
  const auto shares = [](const Propagation& entry) { return entry.type == MS_SHARED; };
  // A copy of a shared mount is its peer: what is mounted below would show on the host. Only who asks for
  // "shared" gets that.
  const bool shared = std::any_of(options.propagation.begin(), options.propagation.end(), shares);
  return shared ? 0 : MS_SLAVE;
}

bool is_one_mount(const MountOptions& options) {
  return !options.recursive_bind && (options.recursive_set | options.recursive_clear) == 0;
}

Result<void> set_tree_attributes(MountPlan& plan, uint64_t propagation) {
  MountOptions& options = plan.options;
  if (is_one_mount(options)) {
    if (set_mount_attributes(plan.tree, options.set, options.clear, propagation, false) == 0) return {};
    return Error::system(errno, "set options");
  }
  if (propagation != 0 && set_mount_attributes(plan.tree, 0, 0, propagation, true) != 0) {
    return Error::system(errno, "set propagation");
  }
  if ((options.set | options.clear) != 0 &&
      set_mount_attributes(plan.tree, options.set, options.clear, 0, false) != 0) {
    return Error::system(errno, "set options");
  }
  if ((options.recursive_set | options.recursive_clear) != 0 &&
      set_mount_attributes(plan.tree, options.recursive_set, options.recursive_clear, 0, true) != 0) {
    return Error::system(errno, "set recursive options");
  }
  return {};
}

Result<void> plan_bind(MountPlan& plan, const MountContext& context) {
  if (plan.source.empty()) return Error::make(ErrorKind::invalid, "a bind mount needs a source");
  if (!plan.options.options.empty()) {
    return Error::make(ErrorKind::invalid, "a bind mount can't take the option \"{}\"",
                       plan.options.options.front().key);
  }
  if (plan.source.front() != '/') plan.source = join_path(context.bundle, plan.source);
  const uint64_t propagation = take_propagation(plan.options, context);
  const BorrowedFd here(AT_FDCWD);
  if (is_one_mount(plan.options)) {
    plan.tree =
        clone_tree_with(here, plan.source.c_str(), false, plan.options.set, plan.options.clear, propagation);
  }
  const bool is_set = static_cast<bool>(plan.tree);
  if (!is_set) plan.tree = clone_tree(here, plan.source.c_str(), plan.options.recursive_bind);
  if (!plan.tree) return Error::system(errno, "open source {}", plan.source);
  struct stat info {};
  if (::fstat(plan.tree.get(), &info) != 0) return Error::system(errno, "stat source {}", plan.source);
  plan.folder = S_ISDIR(info.st_mode);
  plan.device = info.st_dev;
  plan.inode = info.st_ino;
  struct statfs system {};
  if (plan.destination == "/proc" && (::fstatfs(plan.tree.get(), &system) != 0 ||
                                      system.f_type != PROC_SUPER_MAGIC || info.st_ino != proc_root)) {
    return Error::make(ErrorKind::invalid, "\"/proc\" cannot be mounted because it is not of type proc");
  }
  return is_set ? Result<void>() : set_tree_attributes(plan, propagation);
}

// What a user namespace may not mount is bound from the host instead, read-only all through.
Result<void> plan_fallback(MountPlan& plan, const std::string& source) {
  if (source.empty()) return {};
  plan.fallback = clone_tree(BorrowedFd(AT_FDCWD), source.c_str(), true);
  if (!plan.fallback) return Error::system(errno, "open {}", source);
  if (set_mount_attributes(plan.fallback, MOUNT_ATTR_RDONLY | plan.options.set, 0, MS_SLAVE, true) != 0) {
    return Error::system(errno, "make a copy of {} read-only", source);
  }
  return {};
}

void add_label(MountPlan& plan, const std::string& label) {
  const auto is_context = [](const auto& option) { return option.key == "context"; };
  if (label.empty() || is_one_of(self_labelled_types, plan.type)) return;
  if (plan.type == "mqueue") {
    plan.root_label = label;
  } else if (std::none_of(plan.options.options.begin(), plan.options.options.end(), is_context)) {
    plan.options.options.push_back({"context", label, true});
  }
}

Result<void> plan_filesystem(MountPlan& plan, const MountContext& context) {
  if (plan.type.empty())
    return Error::make(ErrorKind::invalid, "neither a type nor the option bind is given");
  if (is_cgroup(plan.type)) {
    plan.type = "cgroup2";
    plan.source = "cgroup";
  }
  add_label(plan, context.label);
  // A new mount has no peers, and gets none where nothing is shared.
  if (!context.shares) {
    std::erase_if(plan.options.propagation,
                  [](const auto& entry) { return entry.type == MS_PRIVATE || entry.type == MS_SLAVE; });
  }
  // Nothing lies below a new mount, so that what is asked for all below is asked for the mount.
  plan.options.set = (plan.options.set & ~plan.options.recursive_clear) | plan.options.recursive_set;
  if (plan.type == "tmpfs" || plan.destination == "/dev") {
    plan.readonly_last = (plan.options.set & MOUNT_ATTR_RDONLY) != 0;
    plan.options.set &= ~static_cast<uint64_t>(MOUNT_ATTR_RDONLY);
  } else if (plan.options.copy_up) {
    return Error::make(ErrorKind::invalid, "the option tmpcopyup needs the type tmpfs");
  }
  if (!context.user_namespace) return {};
  if (plan.type == "sysfs" && !context.own_network) return plan_fallback(plan, "/sys");
  if (plan.type == "cgroup2") return plan_fallback(plan, context.cgroup_mount);
  return {};
}

Failure set_option(BorrowedFd context, const FilesystemOption& option) {
  const char* key = option.key.c_str();
  const int done = option.has_value
                       ? ::fsconfig(context.get(), FSCONFIG_SET_STRING, key, option.value.c_str(), 0)
                       : ::fsconfig(context.get(), FSCONFIG_SET_FLAG, key, nullptr, 0);
  if (done == 0) return {};
  return {"mount option %s", errno, option.key.c_str()};
}

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
  return is_one_of(virtual_types, type);
}

Failure make_filesystem(MountPlan& plan, BorrowedFd target, UniqueFd& tree) {
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

// Nothing but a procfs at /proc, and few files in it, may come to lie on procfs: not through a symbolic link
// either.
Failure check_target(const MountPlan& plan, BorrowedFd target) {
  struct statfs info {};
  if (::fstatfs(target.get(), &info) != 0)
    return {"stat the target of mount %s", errno, plan.destination.c_str()};
  if (info.f_type != PROC_SUPER_MAGIC || is_allowed_in_proc(plan.destination)) return {};
  return {"\"%s\" cannot be mounted because it is inside /proc", 0, plan.destination.c_str()};
}

// Where no symbolic link may lead elsewhere.
bool is_fixed(const MountPlan& plan) {
  return plan.folder && (plan.type == "proc" || plan.type == "sysfs" || plan.destination == "/dev" ||
                         plan.destination == "/proc" || plan.destination == "/sys");
}

UniqueFd open_target(BorrowedFd root, const MountPlan& plan) {
  return is_fixed(plan) ? make_real_folder(root, plan.destination.c_str())
                        : make_target_in_root(root, plan.destination.c_str(), plan.folder);
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

// What fsmount(2) and mount(2) call the same by different numbers. Not read-only: for mount(2) that is the
// file system's state too, which others may share.
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
  bool plain = true;
  for (const auto& option : plan.options.options) {
    text.add(option);
    plain = plain && option.key.find(',') == std::string::npos && option.value.find(',') == std::string::npos;
  }
  return plain && attributes == 0 && text.complete && plan.options.propagation.empty() &&
         !plan.options.copy_up && !plan.readonly_last && plan.root_label.empty() && is_virtual(plan.type);
}

// The common case by mount(2), on the target as the working directory: one call for what else takes one for
// each option and three more. False, with nothing done, when it isn't that, or fails: the other way says why.
bool mount_in_one_call(const MountPlan& plan, BorrowedFd target) {
  MountText text;
  OctalMode mode;
  if (!fits_one_call(plan, text) || mode.inherit(plan, target)) return false;
  if (*mode.text != '\0') text.add_entry("mode", "=", mode.text);
  const char* source = plan.source.empty() ? plan.type.c_str() : plan.source.c_str();
  return text.complete && ::fchdir(target.get()) == 0 &&
         ::mount(source, ".", plan.type.c_str(), text.flags, text.text) == 0;
}

// The options go to what is mounted at the destination already. Only the root of a mount can be changed, and
// in here all mounts are the container's own.
Failure perform_remount(BorrowedFd root, const MountPlan& plan) {
  const char* place = plan.destination.c_str();
  const UniqueFd target = open_in_root(root, place, O_PATH);
  if (!target) return {"mount %s: open what is to be remounted", errno, place};
  if (!plan.options.options.empty()) {
    const UniqueFd context(::fspick(target.get(), "", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH));
    if (!context) return {"mount %s: remount", errno, place};
    for (const auto& option : plan.options.options) STEP(set_option(context, option));
    if (::fsconfig(context.get(), FSCONFIG_CMD_RECONFIGURE, nullptr, nullptr, 0) != 0) {
      return {"mount %s: remount with its options", errno, place};
    }
  }
  const MountOptions& options = plan.options;
  if ((options.set | options.clear) != 0 &&
      set_mount_attributes(target, options.set, options.clear, 0, false) != 0) {
    return {"mount %s: remount: nothing is mounted there, or it is locked", errno, place};
  }
  if ((options.recursive_set | options.recursive_clear) != 0 &&
      set_mount_attributes(target, options.recursive_set, options.recursive_clear, 0, true) != 0) {
    return {"mount %s: remount recursively", errno, place};
  }
  for (const auto& entry : options.propagation) {
    if (set_mount_attributes(target, 0, 0, entry.type, entry.recursive) != 0) {
      return {"mount %s: set propagation", errno, place};
    }
  }
  return {};
}

Failure label_root(BorrowedFd tree, const MountPlan& plan) {
  if (plan.root_label.empty()) return {};
  if (::fchdir(tree.get()) == 0 &&
      ::setxattr(".", "security.selinux", plan.root_label.c_str(), plan.root_label.size() + 1, 0) == 0) {
    return {};
  }
  return {"mount %s: set its label", errno, plan.destination.c_str()};
}

Result<void> plan_remount(const MountPlan& plan) {
  if (plan.options.copy_up || plan.options.id_map != IdMapOption::none) {
    return Error::make(ErrorKind::invalid, "the option remount can't be given with tmpcopyup or idmap");
  }
  return {};
}

// A folder directly in a /dev that is a tmpfs of ours, which nobody else has seen yet: there is nothing in it
// that a look could find, and nobody to change it. Empty, with nothing done, for anything else.
UniqueFd make_in_new_dev(const MountPlan& plan, BorrowedFd dev) {
  constexpr std::string_view prefix = "/dev/";
  const std::string& path = plan.destination;
  if (dev.get() < 0 || !plan.folder || path.compare(0, prefix.size(), prefix) != 0) return UniqueFd();
  if (path.find('/', prefix.size()) != std::string::npos) return UniqueFd();
  const char* name = path.c_str() + prefix.size();
  if (::mkdirat(dev.get(), name, 0755) != 0) return UniqueFd();
  return open_resolved(dev, name, O_PATH | O_DIRECTORY, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
}

Failure mount_on(UniqueFd target, MountPlan& plan, ClosedTogether& done) {
  const char* place = plan.destination.c_str();
  UniqueFd made;
  if (!plan.tree) {
    if (mount_in_one_call(plan, target)) {
      done.take(std::move(target));
      return {};
    }
    const Failure failed = needs_legacy_call(plan) ? make_filesystem_by_path(plan, target, made)
                                                   : make_filesystem(plan, target, made);
    if (failed && !(plan.fallback && (failed.error == EPERM || failed.error == EBUSY))) return failed;
  }
  const UniqueFd& tree = plan.tree ? plan.tree : made ? made : plan.fallback;
  if (made) STEP(label_root(made, plan));
  if (plan.options.copy_up) STEP(copy_up(target, plan.destination.c_str(), tree));
  if (attach_tree(tree, target) != 0) return {"mount %s: attach", errno, place};
  for (const auto& entry : plan.options.propagation) {
    if (set_mount_attributes(tree, 0, 0, entry.type, entry.recursive) != 0) {
      return {"mount %s: set propagation", errno, place};
    }
  }
  if (plan.readonly_last) plan.mounted = std::move(made);
  done.take(std::move(target));
  done.take(std::move(made));
  return {};
}

}  // namespace

bool is_allowed_in_proc(const std::string& destination) {
  return is_one_of(writable_proc_files, destination);
}

Result<MountPlan> plan_mount(const oci::Mount& mount, const MountContext& context) {
  const auto fill = [&]() -> Result<MountPlan> {
    MountPlan plan;
    plan.destination = clean_path(mount.destination);
    plan.type = mount.type;
    plan.source = mount.source;
    plan.options = TRY(parse_mount_options(mount.options));
    const bool bind = plan.options.bind || plan.type == "bind";
    const bool id_mapped = MountIdMaps::wanted(mount, plan.options);
    if (id_mapped && !bind) {
      return Error::make(ErrorKind::unsupported, "id-mapped mounts are only supported for bind-mounts");
    }
    if (plan.options.remount) {
      TRY(plan_remount(plan));
    } else if (bind) {
      plan.type = "bind";
      TRY(plan_bind(plan, context));
      if (id_mapped) TRY(context.id_maps->apply(mount, plan.options, plan.tree));
    } else {
      TRY(plan_filesystem(plan, context));
    }
    return plan;
  };
  return fill().context("mount {}", mount.destination);
}

Failure perform_mount(BorrowedFd root, MountPlan& plan, MountProgress& progress) {
  if (plan.options.remount) return perform_remount(root, plan);
  UniqueFd target = make_in_new_dev(plan, progress.dev);
  if (!target) {
    target = open_target(root, plan);
    if (!target) return {"mount %s: open the destination", errno, plan.destination.c_str()};
    STEP(check_target(plan, target));
    // Some symbolic link may have led to /dev itself.
    if (plan.folder && !is_fixed(plan)) progress.dev.reset();
  }
  STEP(mount_on(std::move(target), plan, progress.done));
  if (plan.destination != "/dev") return {};
  progress.dev.reset();
  if (plan.type == "tmpfs" && !plan.options.copy_up) progress.dev = make_real_folder(root, "/dev");
  return {};
}

Failure finish_mount(const MountPlan& plan) {
  if (!plan.readonly_last || !plan.mounted) return {};
  if (set_mount_attributes(plan.mounted, MOUNT_ATTR_RDONLY, 0, 0, false) == 0) return {};
  return {"mount %s: make read-only", errno, plan.destination.c_str()};
}

}  // namespace gantry::runtime
