#include "agent/volumes.h"

#include "agent/task.h"
#include "agent/task_plan.h"
#include "base/files.h"
#include "base/text.h"

#include <algorithm>

namespace gantry::agent {

namespace {

const api::PayloadVolume* find_volume(const api::PayloadTask& task, const std::string& name) {
  for (const auto& volume : task.volumes) {
    if (volume.name == name) return &volume;
  }
  return nullptr;
}

bool is_volume_name(const std::string& name) {
  return is_plain(name, "-_.") && name[0] != '.';
}

bool belongs_to_task(const api::PayloadVolume& volume) {
  return !volume.host || volume.host->source_path.empty();
}

Result<engine::MountSpec> plan_mount(const api::PayloadTask& task, const api::PayloadMountPoint& point,
                                     const Config& config) {
  const auto* volume = find_volume(task, point.source_volume);
  if (volume == nullptr) {
    return Error::make(ErrorKind::invalid, "InvalidVolumeError: mount point {}: there is no volume \"{}\"",
                       point.container_path, point.source_volume);
  }
  if (!is_volume_name(volume->name)) {
    return Error::make(ErrorKind::invalid,
                       "InvalidVolumeError: volume name \"{}\": must be letters, digits, - or _",
                       volume->name);
  }
  engine::MountSpec mount;
  mount.source = belongs_to_task(*volume) ? join_path(volumes_directory(task, config), volume->name)
                                          : volume->host->source_path;
  mount.destination = point.container_path;
  mount.read_only = point.read_only;
  mount.create_source = true;
  return mount;
}

Result<void> add_mounts(std::vector<engine::MountSpec>& mounts, const api::PayloadTask& task,
                        const api::PayloadContainer& container, bool read_only, const Config& config) {
  for (const auto& point : container.mount_points) {
    auto mount = TRY(plan_mount(task, point, config).context("container {}", container.name));
    mount.read_only = mount.read_only || read_only;
    const bool there = std::any_of(mounts.begin(), mounts.end(),
                                   [&](const auto& known) { return known.destination == mount.destination; });
    if (!there) mounts.push_back(std::move(mount));
  }
  return {};
}

}  // namespace

Result<std::vector<engine::MountSpec>> plan_mounts(const api::PayloadTask& task, size_t index,
                                                   const std::map<std::string, std::string>& tmpfs,
                                                   const Config& config) {
  std::vector<engine::MountSpec> mounts;
  const auto& container = task.containers.at(index);
  TRY(add_mounts(mounts, task, container, false, config));
  if (mounts.size() != container.mount_points.size()) {
    return Error::make(ErrorKind::invalid,
                       "InvalidVolumeError: container {}: mountPoints: a containerPath is given twice",
                       container.name);
  }
  for (const auto& from : container.volumes_from) {
    const auto source = std::find_if(task.containers.begin(), task.containers.end(),
                                     [&](const auto& other) { return other.name == from.source_container; });
    if (source == task.containers.end()) {
      return Error::make(ErrorKind::invalid,
                         "InvalidVolumeError: container {}: volumesFrom: there is no container {}",
                         container.name, from.source_container);
    }
    TRY(add_mounts(mounts, task, *source, from.read_only, config));
  }
  for (const auto& [path, options] : tmpfs) {
    engine::MountSpec mount;
    mount.type = engine::MountType::tmpfs;
    mount.destination = path;
    if (!options.empty()) mount.options = split(options, ',');
    mounts.push_back(std::move(mount));
  }
  return mounts;
}

std::string volumes_directory(const api::PayloadTask& task, const Config& config) {
  return join_path(join_path(config.data_directory, "volumes"), Task{task, {}}.id());
}

Result<void> make_volumes(const api::PayloadTask& task, const Config& config) {
  for (const auto& volume : task.volumes) {
    if (!belongs_to_task(volume) || !is_volume_name(volume.name)) continue;
    // World-readable below a folder that isn't: the container's user may be anyone.
    TRY(make_directories(volumes_directory(task, config)));
    TRY(make_directories(join_path(volumes_directory(task, config), volume.name), 0755));
  }
  return {};
}

}  // namespace gantry::agent
