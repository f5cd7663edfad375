#include "netns/namespace.h"

#include "base/files.h"
#include "netns/lease.h"
#include "netns/link.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <thread>

namespace gantry::netns {

namespace {

constexpr const char* own_namespace = "/proc/thread-self/ns/net";

std::string folder_of(const std::string& run_root) {
  return join_path(run_root, "netns");
}

// A namespace belongs to a thread, so a thread of its own makes it or enters it and nothing has to be undone.
Result<void> on_thread(const std::function<Result<void>()>& work) {
  Result<void> result;
  std::thread([&] { result = work(); }).join();
  return result;
}

bool is_mount_root(const std::string& path) {
  struct statx info {};
  return ::statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &info) == 0 &&
         (info.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

// Private: else each bind below it would also show up in every mount namespace that shares the host's mounts.
Result<void> prepare_folder(const std::string& folder) {
  TRY(make_directories(folder));
  if (is_mount_root(folder)) return {};
  if (::mount(folder.c_str(), folder.c_str(), nullptr, MS_BIND, nullptr) != 0) {
    return Error::system(errno, "mount {} on itself", folder);
  }
  if (::mount(nullptr, folder.c_str(), nullptr, MS_PRIVATE, nullptr) != 0) {
    return Error::system(errno, "make mount {} private", folder);
  }
  return {};
}

Result<void> make_on_this_thread(const std::string& path) {
  if (::unshare(CLONE_NEWNET) != 0) return Error::system(errno, "make a network namespace");
  auto netlink = TRY(Netlink::open());
  TRY(netlink.set_up("lo"));
  if (::mount(own_namespace, path.c_str(), nullptr, MS_BIND, nullptr) != 0) {
    return Error::system(errno, "bind network namespace at {}", path);
  }
  return {};
}

Result<void> remove_at(const std::string& path) {
  while (::umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) {
  }
  return remove_file(path);
}

}  // namespace

std::string namespace_path(const std::string& run_root, const std::string& container_id) {
  return join_path(folder_of(run_root), container_id);
}

Result<std::string> create_namespace(const std::string& run_root, const std::string& container_id) {
  TRY(check_container_id(container_id));
  TRY(prepare_folder(folder_of(run_root)));
  const auto path = namespace_path(run_root, container_id);
  TRY(remove_at(path));
  TRY(open_file(path, O_RDONLY | O_CREAT | O_EXCL, 0444));
  const auto made = on_thread([&] { return make_on_this_thread(path); });
  if (made) return path;
  if (const auto removed = remove_at(path); !removed) return removed.error();
  return made.error();
}

Result<void> remove_namespace(const std::string& run_root, const std::string& container_id) {
  TRY(check_container_id(container_id));
  return remove_at(namespace_path(run_root, container_id));
}

Result<std::vector<std::string>> sweep_namespaces(
    const std::string& run_root, const std::function<bool(const std::string& container_id)>& is_live) {
  std::vector<std::string> removed;
  if (!path_exists(folder_of(run_root))) return removed;
  for (const auto& id : TRY(list_directory(folder_of(run_root)))) {
    if (is_live(id)) continue;
    TRY(remove_at(namespace_path(run_root, id)));
    removed.push_back(id);
  }
  return removed;
}

Result<void> run_in_namespace(BorrowedFd network_namespace, const std::function<Result<void>()>& work) {
  return on_thread([&]() -> Result<void> {
    if (::setns(network_namespace.get(), CLONE_NEWNET) != 0) {
      return Error::system(errno, "enter network namespace");
    }
    return work();
  });
}

}  // namespace gantry::netns
