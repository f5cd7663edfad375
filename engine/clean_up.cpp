#include "base/lock.h"
#include "base/log.h"
#include "engine/context.h"
#include "engine/names.h"

namespace gantry::engine {

namespace {

Result<void> finish_removal(const Context& context, const ContainerRecord& record) {
  const std::string marker = TRY(read_file(context.layout.container(record.id).removing()));
  return erase_container(context, record, marker == "volumes");
}

// Somebody who waits for the exit code reads it from the files, so they stay until nobody does; who waits
// cleans up again afterwards.
Result<void> remove_by_itself(const Context& context, const ContainerRecord& record) {
  const auto waiters = TRY(FileLock::try_acquire(context.layout.container(record.id).file("waiters")));
  if (!waiters) return {};
  return erase_container(context, record, true);
}

Result<void> clean_up_locked(const Context& context, const std::string& id) {
  const ContainerPaths paths = context.layout.container(id);
  if (!path_exists(paths.record()) || runtime::monitor_is_alive(paths.directory)) return {};
  const auto record = TRY(read_record(paths));
  if (path_exists(paths.removing())) return finish_removal(context, record);
  if (!path_exists(paths.dirty())) return {};
  if (is_lost(paths)) TRY(settle_lost(context, record));
  TRY(tear_down(context, record));
  // With auto_remove the marker stays until all is gone.
  if (record.spec.auto_remove) return remove_by_itself(context, record);
  return remove_file(paths.dirty());
}

Result<void> remove_half_made(const Context& context, const std::string& id) {
  const ContainerPaths paths = context.layout.container(id);
  const auto lock = TRY(FileLock::try_acquire(paths.lock()));
  if (!lock || path_exists(paths.record())) return {};
  ContainerRecord record;
  record.id = id;
  for (const auto& name : TRY(list_directory(context.layout.names()))) {
    TRY(release_name(context.layout, name, id));
  }
  return erase_container(context, record, false);
}

bool needs_cleaning(const ContainerPaths& paths) {
  const bool marked = path_exists(paths.dirty()) || path_exists(paths.removing());
  return marked && !runtime::monitor_is_alive(paths.directory);
}

Result<bool> sweep_one(const Context& context, const std::string& id) {
  const ContainerPaths paths = context.layout.container(id);
  if (!path_exists(paths.record())) {
    TRY(remove_half_made(context, id));
    return true;
  }
  if (!needs_cleaning(paths)) return false;
  TRY(clean_up_container(context, id, Contention::leave));
  return true;
}

// Leases and interfaces of containers whose folders somebody else removed. A folder without a record may be a
// build's step, whose network is in use.
Result<void> sweep_network(const Context& context) {
  auto network = TRY(context.network());
  TRY(network.sweep(
      [&](const std::string& id) { return path_exists(context.layout.container(id).directory); }));
  return {};
}

// A container, or what is left of one, that can't be cleaned must not keep anyone from working with the
// others; the next sweep tries again.
void report_stuck(const std::string& what, const Error& error) {
  if (error.kind() == ErrorKind::not_found) return;  // removed meanwhile
  log::warning("clean-up failed container={} error=\"{}\"", what, error.message());
}

// Folders whose removal was cut off after the last that mattered.
Result<void> remove_removed(const Context& context) {
  for (const auto& name : TRY(list_directory(context.layout.containers()))) {
    if (name.rfind(".removed-", 0) != 0) continue;
    const auto removed = remove_tree(join_path(context.layout.containers(), name));
    if (!removed) report_stuck(name, removed.error());
  }
  return {};
}

Result<void> sweep_locked(const Context& context) {
  bool found = false;
  for (const auto& id : TRY(container_ids(context))) {
    const auto swept = sweep_one(context, id);
    if (!swept) report_stuck(id, swept.error());
    found = found || (swept && *swept);
  }
  TRY(remove_removed(context));
  if (found) TRY(sweep_network(context));
  return {};
}

}  // namespace

Result<void> clean_up_container(const Context& context, const std::string& id, Contention contention) {
  const std::string path = context.layout.container(id).lock();
  if (contention == Contention::leave) {
    auto lock = FileLock::try_acquire(path);
    if (!lock && lock.error().kind() == ErrorKind::not_found) return {};
    if (!lock) return std::move(lock).error();
    if (!*lock) return {};
    return clean_up_locked(context, id);
  }
  auto lock = FileLock::acquire(path);
  if (!lock && lock.error().kind() == ErrorKind::not_found) return {};
  if (!lock) return std::move(lock).error();
  return clean_up_locked(context, id);
}

Result<void> Engine::clean_up(const std::string& reference) {
  const std::string id = TRY(resolve_reference(*context_, reference));
  return clean_up_container(*context_, id, Contention::wait);
}

Result<void> Engine::sweep() {
  const auto guard = TRY(FileLock::acquire(context_->layout.lock()));
  return sweep_locked(*context_);
}

Result<void> sweep_if_free(const Context& context) {
  const auto guard = TRY(FileLock::try_acquire(context.layout.lock()));
  if (!guard) return {};  // another sweeps, or a container is being made
  return sweep_locked(context);
}

}  // namespace gantry::engine
