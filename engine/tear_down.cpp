#include "base/lock.h"
#include "base/process.h"
#include "base/time.h"
#include "cgroups/cgroup.h"
#include "engine/context.h"
#include "engine/names.h"
#include "engine/network_setup.h"
#include "engine/volumes.h"

#include <cstdio>
#include <sys/mount.h>

namespace gantry::engine {

namespace {

constexpr std::chrono::seconds runtime_limit{30};

Result<void> delete_in_runtime(const Context& context, const std::string& id) {
  if (!path_exists(join_path(context.layout.runtime_state(), id))) return {};
  Command command;
  command.arguments = runtime_command(context);
  command.arguments.insert(command.arguments.end(), {"delete", "--force", id});
  command.limit = runtime_limit;
  TRY(check_command(command));
  return {};
}

// A path that the kernel or we would never have made one at is none, too.
bool says_there_is_none(const Error& error) {
  return error.kind() == ErrorKind::not_found || error.kind() == ErrorKind::unsupported ||
         error.kind() == ErrorKind::invalid || error.system_errno() == ENOTDIR ||
         error.system_errno() == ENAMETOOLONG;
}

// What the runtime didn't know of: it may have died between making the cgroup and writing its state.
Result<void> remove_cgroup(const std::string& path) {
  const auto cgroup = cgroups::Cgroup::open(path);
  if (!cgroup) return says_there_is_none(cgroup.error()) ? Result<void>() : Result<void>(cgroup.error());
  TRY(cgroup->kill());
  return cgroup->remove();
}

Result<void> unmount_root(const std::string& rootfs) {
  // As often as it is mounted: a crash between mount and marker may have stacked two.
  while (umount2(rootfs.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) {
  }
  if (errno == EINVAL || errno == ENOENT) return {};
  return Error::system(errno, "unmount {}", rootfs);
}

}  // namespace

Result<void> tear_down(const Context& context, const ContainerRecord& record) {
  const ContainerPaths paths = context.layout.container(record.id);
  // One that fails must not keep the others from being done; the first error is told.
  Result<void> outcome = delete_in_runtime(context, record.id);
  const auto also = [&](Result<void> step) {
    if (outcome && !step) outcome = std::move(step);
  };
  also(remove_cgroup(cgroup_path(record)));
  also(take_down_network(context, record));
  also(unmount_root(paths.rootfs()));
  return outcome;
}

Result<void> settle_lost(const Context& context, const ContainerRecord& record) {
  const ContainerPaths paths = context.layout.container(record.id);
  TRY(delete_in_runtime(context, record.id));
  TRY(remove_cgroup(cgroup_path(record)));
  auto status = TRY(runtime::read_monitor_status(paths.directory));
  status.state = runtime::MonitorState::exited;
  status.pid = 0;
  status.exit_code = 255;
  status.error = "its monitor was killed, so nobody saw how it ended";
  if (status.started_at.empty()) status.started_at = record.created_at;
  status.finished_at = format_rfc3339(SystemClock().now());
  return write_file(paths.file("status.json"), to_json_text(status), 0600, Durability::durable);
}

// The marker first: whoever finds it goes on from here. Then what others see, then the files, the record last
// but for the folder itself.
Result<void> erase_container(const Context& context, const ContainerRecord& record, bool anonymous_volumes) {
  const ContainerPaths paths = context.layout.container(record.id);
  TRY(write_file(paths.removing(), anonymous_volumes ? "volumes" : ""));
  TRY(tear_down(context, record));
  if (anonymous_volumes) {
    for (const auto& volume : record.anonymous_volumes) TRY(remove_volume(context.layout, volume));
  }
  TRY(context.images.release(record.id));
  if (!context.images.resolve(record.image_id)) TRY(context.images.collect());
  if (!record.name.empty()) TRY(release_name(context.layout, record.name, record.id));
  // Out of the way first: somebody who makes a lock file in it meanwhile would keep the folder from going.
  const std::string removed = context.layout.removed(record.id);
  if (rename(paths.directory.c_str(), removed.c_str()) != 0) {
    return Error::system(errno, "rename {}", paths.directory);
  }
  return remove_tree(removed).context("container {} is removed, but not all of its files",
                                      record.id.substr(0, 12));
}

}  // namespace gantry::engine
