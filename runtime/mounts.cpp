#include "runtime/mounts.h"

#include "base/files.h"
#include "runtime/clean_path.h"
#include "runtime/copy_up.h"
#include "runtime/filesystem.h"
#include "runtime/procfs.h"
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
  if (plan.destination == "/proc" && !is_procfs_root(plan.tree)) {
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
    plan.joins_superblock = !context.cgroup_mount.empty();
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

// Nothing but a procfs at /proc, and few files in it, may come to lie on procfs: not through a symbolic link
// either.
Failure check_target(const MountPlan& plan, BorrowedFd target, struct statfs& info) {
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
    const Failure failed = make_filesystem(plan, target, made);
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

// What was mounted there now, and nothing else, since nobody else is in this mount namespace yet.
Failure keep_procfs(BorrowedFd root, MountProgress& progress) {
  progress.procfs = make_real_folder(root, "/proc");
  if (!progress.procfs) return {"mount /proc: open what was mounted, for sysctls", errno};
  if (is_procfs_root(progress.procfs)) return {};
  return {"mount /proc: what was mounted is not the root of a procfs"};
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
    struct statfs info {};
    STEP(check_target(plan, target, info));
    // Some symbolic link may have led to /dev itself, where it is the tmpfs of ours.
    if (plan.folder && !is_fixed(plan) && info.f_type == TMPFS_MAGIC) progress.dev.reset();
  }
  STEP(mount_on(std::move(target), plan, progress.done));
  if (plan.destination == "/proc" && progress.wants_procfs) return keep_procfs(root, progress);
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
