#include "base/lock.h"
#include "engine/bundle.h"
#include "engine/context.h"
#include "engine/etc_files.h"
#include "engine/network_setup.h"
#include "engine/root_files.h"
#include "engine/volumes.h"
#include "images/overlay.h"

#include <fcntl.h>

namespace gantry::engine {

namespace {

Result<void> mount_root(const Context& context, const ContainerRecord& record) {
  const ContainerPaths paths = context.layout.container(record.id);
  const auto image = TRY(context.images.resolve(record.image_id));
  images::OverlayMount overlay;
  overlay.lower = TRY(context.images.lower_directories(image));
  overlay.upper = paths.upper();
  overlay.work = paths.work();
  return images::mount_overlay(overlay, paths.rootfs())
      .context("mount the root of container {}", record.id.substr(0, 12));
}

// What must be in the root before the runtime sees it.
Result<ResolvedUser> prepare_root(const Context& context, const ContainerRecord& record) {
  const UniqueFd root = TRY(open_root(context.layout.container(record.id).rootfs()));
  auto user = TRY(resolve_user(root, record.user, record.spec.additional_groups));
  if (!record.spec.read_only_root || record.working_directory != "/") {
    TRY(make_directories_in_root(root, record.working_directory).context("working directory"));
  }
  for (const auto& mount : record.mounts) {
    if (mount.type != MountType::volume) continue;
    TRY(ensure_volume(context.layout, mount.source));
    TRY(fill_volume(context.layout, mount.source, root, mount.destination));
  }
  return user;
}

// A step to be taken back when a later one fails.
class Preparation {
 public:
  Preparation(const Context& context, const ContainerRecord& record) : context_(context), record_(record) {}
  Preparation(const Preparation&) = delete;
  Preparation& operator=(const Preparation&) = delete;
  ~Preparation() {
    if (!kept_ && tear_down(context_, record_)) {
      (void)remove_file(context_.layout.container(record_.id).dirty());
    }
  }
  void keep() { kept_ = true; }

 private:
  const Context& context_;
  const ContainerRecord& record_;
  bool kept_ = false;
};

Result<void> write_bundle(const Context& context, const ContainerRecord& record) {
  const ContainerPaths paths = context.layout.container(record.id);
  BundleInputs inputs{context.layout, record, paths, {}, {}, cgroup_path(record), {}};
  inputs.user = TRY(prepare_root(context, record));
  const NetworkPlace place = TRY(set_up_network(context, record));
  inputs.network_namespace = place.namespace_path;
  inputs.etc_directory = TRY(write_etc_files(context, record, place));
  const auto config = TRY(make_runtime_config(inputs));
  return write_file(paths.config(), oci::to_json_text(config, 2));
}

Result<void> run(const Context& context, const ContainerRecord& record, UniqueFd attach) {
  const ContainerPaths paths = context.layout.container(record.id);
  // From here on a crash leaves something to clean up; the marker says so before the first of it exists.
  TRY(write_file(paths.dirty(), ""));
  Preparation preparation(context, record);
  TRY(mount_root(context, record));
  TRY(write_bundle(context, record));
  TRY(remove_file(paths.file("health.json")));
  TRY(launch_monitor(context, record, std::move(attach)));
  preparation.keep();
  return {};
}

}  // namespace

Result<void> start_container(const Context& context, const std::string& id, UniqueFd attach) {
  const ContainerPaths paths = context.layout.container(id);
  auto lock = FileLock::acquire(paths.lock());
  if (!lock && lock.error().kind() == ErrorKind::not_found) return no_such_container(id);
  if (!lock) return std::move(lock).error();
  if (!path_exists(paths.record()) || path_exists(paths.removing())) return no_such_container(id);
  if (runtime::monitor_is_alive(paths.directory)) return {};
  const auto record = TRY(read_record(paths));
  if (is_lost(paths)) TRY(settle_lost(context, record));
  if (path_exists(paths.dirty())) TRY(tear_down(context, record));
  return run(context, record, std::move(attach));
}

Result<void> Engine::start(const std::string& reference) {
  const std::string id = TRY(resolve_reference(*context_, reference));
  return start_container(*context_, id, UniqueFd());
}

}  // namespace gantry::engine
