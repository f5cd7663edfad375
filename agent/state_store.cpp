#include "agent/state_store.h"

#include "agent/state_files.h"
#include "base/files.h"
#include "base/log.h"

#include <cerrno>
#include <cstdio>

namespace gantry::agent {

Result<StateStore> StateStore::open(const std::string& directory) {
  const auto path = TRY(absolute_path(directory));
  TRY(make_directories(join_path(path, "tasks")));
  auto lock = TRY(FileLock::try_acquire(join_path(path, "lock")));
  if (!lock)
    return Error::make(ErrorKind::conflict, "{}: another gantry-agent uses this data directory", path);
  for (const auto& folder : {path, join_path(path, "tasks")}) {
    for (const auto& name : TRY(list_directory(folder))) {  // of a kill in the middle of a write
      if (name.ends_with(".tmp")) TRY(remove_file(join_path(folder, name)));
    }
  }
  return StateStore(path, std::move(*lock));
}

Result<InstanceState> StateStore::load_instance() const {
  const auto path = join_path(directory_, "instance.json");
  if (!path_exists(path)) return InstanceState{};
  const auto text = TRY(read_file(path));
  return parse_instance_state(text, path);
}

Result<void> StateStore::save_instance(const InstanceState& state) const {
  return write_file(join_path(directory_, "instance.json"), to_json_text(state), 0600, Durability::durable);
}

Result<std::vector<TrackedImage>> StateStore::load_images() const {
  const auto path = join_path(directory_, "images.json");
  if (!path_exists(path)) return std::vector<TrackedImage>{};
  const auto text = TRY(read_file(path));
  return parse_tracked_images(text, path);
}

Result<void> StateStore::save_images(const std::vector<TrackedImage>& images) const {
  return write_file(join_path(directory_, "images.json"), to_json_text(images), 0600, Durability::durable);
}

namespace {

std::string task_path(const std::string& directory, const Task& task) {
  return join_path(join_path(directory, "tasks"), task.id() + ".json");
}

}  // namespace

Result<std::vector<Task>> StateStore::load_tasks() const {
  std::vector<Task> tasks;
  const auto folder = join_path(directory_, "tasks");
  for (const auto& name : TRY(list_directory(folder))) {
    if (!name.ends_with(".json")) continue;
    const auto path = join_path(folder, name);
    auto task = parse_task(TRY(read_file(path)), path);
    if (task) {
      tasks.push_back(std::move(*task));
      continue;
    }
    log::error("task's file set aside, its containers are no task's now file={}.unreadable error=\"{}\"",
               path, task.error().message());
    if (rename(path.c_str(), (path + ".unreadable").c_str()) != 0)
      return Error::system(errno, "rename {}", path);
  }
  return tasks;
}

Result<void> StateStore::save_task(const Task& task) const {
  return write_file(task_path(directory_, task), to_json_text(task), 0600, Durability::durable)
      .context("save task {}", task.id());
}

Result<void> StateStore::remove_task(const Task& task) const {
  return remove_file(task_path(directory_, task));
}

}  // namespace gantry::agent
