#include "base/lock.h"
#include "engine/context.h"
#include "engine/watch.h"

#include <algorithm>

namespace gantry::engine {

namespace {

using std::chrono::milliseconds;
using SteadyTime = std::chrono::steady_clock::time_point;

// A monitor that is killed writes nothing more, so its lock is looked at this often.
constexpr milliseconds look_again{500};

bool goes_on(const ContainerInfo& info, const ContainerPaths& paths) {
  if (info.state == ContainerState::running || info.state == ContainerState::restarting) return true;
  return runtime::monitor_is_alive(paths.directory);
}

milliseconds left_until(SteadyTime deadline) {
  const auto left = std::chrono::duration_cast<milliseconds>(deadline - std::chrono::steady_clock::now());
  return std::clamp(left, milliseconds(0), look_again);
}

SteadyTime deadline_of(std::optional<milliseconds> limit) {
  constexpr std::chrono::hours for_ever{24 * 365 * 10};
  return std::chrono::steady_clock::now() + (limit ? *limit : milliseconds(for_ever));
}

bool same(const ContainerInfo& left, const ContainerInfo& right) {
  return left.state == right.state && left.pid == right.pid && left.health == right.health &&
         left.restart_count == right.restart_count && left.finished_at == right.finished_at;
}

}  // namespace

Result<FileLock> hold_files(const Context& context, const std::string& id) {
  return FileLock::acquire(context.layout.container(id).file("waiters"), LockMode::shared);
}

Result<int> wait_for_end(const Context& context, const std::string& id, std::optional<milliseconds> limit) {
  const auto deadline = deadline_of(limit);
  const ContainerPaths paths = context.layout.container(id);
  const auto watch = TRY(DirectoryWatch::make(paths.directory, DirectoryWatch::Interest::replaced));
  for (;;) {
    const auto info = TRY(read_info(context, id));
    if (!goes_on(info, paths)) return TRY(read_info(context, id)).exit_code;
    if (std::chrono::steady_clock::now() >= deadline) {
      return Error::make(ErrorKind::timeout, "container {} still runs", info.name);
    }
    TRY(watch.wait(left_until(deadline)));
  }
}

Result<int> Engine::wait(const std::string& reference, std::optional<milliseconds> limit) const {
  const std::string id = TRY(resolve_reference(*context_, reference));
  std::optional<FileLock> waiting = TRY(hold_files(*context_, id));
  const auto code = wait_for_end(*context_, id, limit);
  waiting.reset();
  if (code) TRY(clean_up_container(*context_, id, Contention::wait));
  return code;
}

Result<bool> Engine::wait_for_change(const ContainerInfo& seen, milliseconds limit) const {
  const auto deadline = deadline_of(limit);
  const auto watch = DirectoryWatch::make(seen.directory, DirectoryWatch::Interest::replaced);
  if (!watch) return true;  // removed
  for (;;) {
    const auto info = read_info(*context_, seen.id);
    if (!info && info.error().kind() == ErrorKind::not_found) return true;
    if (!same(TRY(info), seen)) return true;
    if (std::chrono::steady_clock::now() >= deadline) return false;
    TRY(watch->wait(left_until(deadline)));
  }
}

}  // namespace gantry::engine
