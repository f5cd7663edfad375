#include "base/lock.h"
#include "engine/context.h"

#include <csignal>

namespace gantry::engine {

namespace {

// How often a container that something keeps starting again is killed before we give up.
constexpr int most_attempts = 5;

// False when it runs.
Result<bool> erase_unless_running(const Context& context, const std::string& id,
                                  const RemoveOptions& options) {
  const ContainerPaths paths = context.layout.container(id);
  auto lock = FileLock::acquire(paths.lock());
  if (!lock && lock.error().kind() == ErrorKind::not_found) return true;  // another has removed it
  if (!lock) return std::move(lock).error();
  if (!path_exists(paths.record())) return true;
  if (runtime::monitor_is_alive(paths.directory)) return false;
  const auto record = TRY(read_record(paths));
  if (is_lost(paths)) TRY(settle_lost(context, record));
  TRY(erase_container(context, record, options.anonymous_volumes || record.spec.auto_remove));
  return true;
}

Result<void> end_it(Engine& engine, const std::string& id) {
  auto stopped = engine.stop(id, std::chrono::seconds(0));
  if (!stopped && stopped.error().kind() == ErrorKind::not_found) return {};
  return stopped;
}

}  // namespace

Result<void> Engine::remove(const std::string& reference, const RemoveOptions& options) {
  const std::string id = TRY(resolve_reference(*context_, reference));
  for (int attempt = 0; attempt < most_attempts; ++attempt) {
    if (TRY(erase_unless_running(*context_, id, options))) return {};
    if (!options.force) {
      return Error::make(ErrorKind::conflict,
                         "cannot remove container {}: it is running: stop it first, or force the removal",
                         reference);
    }
    TRY(end_it(*this, id));
  }
  return Error::make(ErrorKind::conflict, "cannot remove container {}: it is started again and again",
                     reference);
}

}  // namespace gantry::engine
