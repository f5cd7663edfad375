#include "runtime/rootfs.h"

#include "base/files.h"
#include "runtime/clean_path.h"
#include "runtime/closed_together.h"
#include "runtime/namespaces.h"
#include "runtime/root_path.h"
#include "runtime/syscalls.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace gantry::runtime {
namespace {

Failure attach_copy(BorrowedFd tree, BorrowedFd target, ClosedTogether& done) {
  UniqueFd copy = clone_tree(tree, "", false);
  if (!copy || attach_tree(copy, target) != 0) return {"attach", errno};
  done.take(std::move(copy));
  return {};
}

Failure mask_folder(BorrowedFd target, UniqueFd& tmpfs, const std::string& label, ClosedTogether& done) {
  if (!tmpfs) {
    const UniqueFd context(::fsopen("tmpfs", FSOPEN_CLOEXEC));
    if (!context) return {"open a tmpfs for masked paths", errno};
    const bool made =
        ::fsconfig(context.get(), FSCONFIG_SET_STRING, "nr_inodes", "1", 0) == 0 &&
        (label.empty() || ::fsconfig(context.get(), FSCONFIG_SET_STRING, "context", label.c_str(), 0) == 0) &&
        ::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) == 0;
    if (!made) return {"make a tmpfs for masked paths", errno};
    tmpfs = UniqueFd(::fsmount(context.get(), FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY));
    if (!tmpfs) return {"mount a tmpfs for masked paths", errno};
    return attach_tree(tmpfs, target) == 0 ? Failure{} : Failure{"attach", errno};
  }
  return attach_copy(tmpfs, target, done);
}

// The detached tree goes to the first file; the others get copies of what is attached there.
Failure mask_file(BorrowedFd target, BorrowedFd null_tree, bool& attached, ClosedTogether& done) {
  if (!attached) {
    attached = true;
    return attach_tree(null_tree, target) == 0 ? Failure{} : Failure{"attach", errno};
  }
  return attach_copy(null_tree, target, done);
}

bool is_absent(int error) {
  return error == ENOENT || error == ENOTDIR;
}

// What the tree begins with, and what it goes back to after it was attached on a shared mount, which made it
// shared.
uint64_t first_propagation(const RootPlan& plan) {
  return plan.propagation.type == MS_PRIVATE ? MS_PRIVATE : MS_SLAVE;
}

}  // namespace

Result<RootPlan> plan_root(const oci::RuntimeConfig& config, const std::string& bundle, bool pivot) {
  RootPlan plan;
  const std::string& path = config.root->path;
  plan.path = clean_path(path.front() == '/' ? path : join_path(bundle, path));
  plan.readonly = config.root->readonly;
  plan.pivot = pivot;
  plan.own_mounts = has_mount_namespace(*config.linux_);
  plan.propagation =
      TRY(parse_propagation(config.linux_->rootfs_propagation).context("$.linux.rootfsPropagation"));
  // By openat2, so that its lack shows here, before anything is made.
  const UniqueFd folder =
      open_resolved(BorrowedFd(AT_FDCWD), plan.path.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
  if (!folder) return Error::system(errno, "$.root.path: invalid rootfs: {}", plan.path);
  const uint64_t type = first_propagation(plan);
  plan.tree = clone_tree_with(folder, "", true, 0, 0, type);
  if (plan.tree) return plan;
  plan.tree = clone_tree(folder, "", true);
  if (!plan.tree) return Error::system(errno, "copy the mounts of the rootfs {}", plan.path);
  if (set_mount_attributes(plan.tree, 0, 0, type, true) != 0) {
    return Error::system(errno, "set the propagation of the rootfs {}", plan.path);
  }
  return plan;
}

Failure attach_root(const RootPlan& plan) {
  if (!plan.own_mounts) {
    if (attach_tree_at(plan.tree, plan.path.c_str()) != 0)
      return {"attach rootfs %s", errno, plan.path.c_str()};
    if (set_mount_attributes(plan.tree, 0, 0, first_propagation(plan), true) == 0) return {};
    return {"cut the propagation of rootfs %s", errno, plan.path.c_str()};
  }
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0)
    return {"cut propagation to the host", errno};
  if (attach_tree_at(plan.tree, plan.path.c_str()) == 0) return {};
  // A user namespace's root may lack search permission on the way; then it goes on top of the old root.
  if (errno == EACCES && attach_tree_at(plan.tree, "/") == 0) return {};
  return {"attach rootfs %s", errno, plan.path.c_str()};
}

Failure enter_root(const RootPlan& plan) {
  if (::fchdir(plan.tree.get()) != 0) return {"enter rootfs %s", errno, plan.path.c_str()};
  if (!plan.own_mounts) {
    if (::chroot(".") != 0) return {"chroot to %s", errno, plan.path.c_str()};
  } else if (plan.pivot) {
    if (pivot_root(".", ".") != 0) return {"pivot_root to %s", errno, plan.path.c_str()};
    // The host's tree lies on top of the new root now. It was cut off in attach_root, so this stays here.
    if (::umount2(".", MNT_DETACH) != 0) return {"detach the old root", errno};
  } else {
    const UniqueFd host(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!host || attach_tree(plan.tree, host) != 0) return {"move rootfs %s to /", errno, plan.path.c_str()};
    if (::chroot(".") != 0) return {"chroot to %s", errno, plan.path.c_str()};
  }
  if (::chdir("/") != 0) return {"enter /", errno};
  const bool later = plan.propagation.type == MS_UNBINDABLE;
  if (plan.propagation.type == 0 || plan.propagation.type == MS_PRIVATE || later) return {};
  if (set_mount_attributes(plan.tree, 0, 0, plan.propagation.type, plan.propagation.recursive) != 0) {
    return {"set the propagation of /", errno};
  }
  return {};
}

Failure finish_root(const RootPlan& plan) {
  if (!plan.readonly) return {};
  if (set_mount_attributes(plan.tree, MOUNT_ATTR_RDONLY, 0, 0, false) == 0) return {};
  return {"make / read-only", errno};
}

Failure finish_propagation(const RootPlan& plan) {
  if (plan.propagation.type != MS_UNBINDABLE) return {};
  if (set_mount_attributes(plan.tree, 0, 0, MS_UNBINDABLE, plan.propagation.recursive) == 0) return {};
  return {"set the propagation of /", errno};
}

Failure mask_paths(BorrowedFd root, const std::vector<std::string>& paths, BorrowedFd null_tree,
                   const std::string& label) {
  UniqueFd tmpfs;
  bool null_attached = false;
  ClosedTogether done;
  for (const auto& path : paths) {
    UniqueFd target = open_in_root(root, path.c_str(), O_PATH);
    if (!target && is_absent(errno)) continue;
    struct stat info {};
    if (!target || ::fstat(target.get(), &info) != 0) return {"mask %s: open", errno, path.c_str()};
    const Failure failed = S_ISDIR(info.st_mode) ? mask_folder(target, tmpfs, label, done)
                                                 : mask_file(target, null_tree, null_attached, done);
    if (failed) return {"mask %s", failed.error, path.c_str()};
    done.take(std::move(target));
  }
  return {};
}

Failure make_paths_readonly(BorrowedFd root, const std::vector<std::string>& paths) {
  ClosedTogether done;
  for (const auto& path : paths) {
    UniqueFd target = open_in_root(root, path.c_str(), O_PATH);
    if (!target && is_absent(errno)) continue;
    if (!target) return {"make %s read-only: open", errno, path.c_str()};
    UniqueFd tree = clone_tree(target, "", true);
    if (!tree || set_mount_attributes(tree, MOUNT_ATTR_RDONLY, 0, 0, false) != 0 ||
        attach_tree(tree, target) != 0) {
      return {"make %s read-only", errno, path.c_str()};
    }
    done.take(std::move(target));
    done.take(std::move(tree));
  }
  return {};
}

Result<UniqueFd> clone_null_device() {
  UniqueFd tree = clone_tree_with(BorrowedFd(AT_FDCWD), "/dev/null", false, 0, 0, MS_PRIVATE);
  const bool is_private = static_cast<bool>(tree);
  if (!tree) tree = clone_tree(BorrowedFd(AT_FDCWD), "/dev/null", false);
  if (!tree) return Error::system(errno, "open /dev/null");
  struct stat info {};
  if (::fstat(tree.get(), &info) != 0 || !S_ISCHR(info.st_mode) || info.st_rdev != makedev(1, 3)) {
    return Error::make(ErrorKind::corrupt, "/dev/null is not the null device (char 1:3)");
  }
  if (!is_private && set_mount_attributes(tree, 0, 0, MS_PRIVATE, false) != 0) {
    return Error::system(errno, "set the propagation of /dev/null");
  }
  return tree;
}

}  // namespace gantry::runtime
