#include "base/lock.h"
#include "base/process.h"
#include "cgroups/cgroup.h"
#include "engine/context.h"
#include "engine/signals.h"

#include <csignal>
#include <sys/syscall.h>
#include <unistd.h>

namespace gantry::engine {

namespace {

constexpr std::chrono::seconds default_stop_timeout{10};
constexpr std::chrono::seconds kill_timeout{20};

// Errors: not_found when it has ended meanwhile.
Result<void> signal_container(const ContainerPaths& paths, int signal) {
  const auto status = TRY(runtime::read_monitor_status(paths.directory));
  if (status.state != runtime::MonitorState::running || status.pid == 0) {
    return Error(ErrorKind::not_found, "it doesn't run");
  }
  const UniqueFd process = TRY(open_process(status.process()));
  if (syscall(SYS_pidfd_send_signal, process.get(), signal, nullptr, 0) != 0) {
    if (errno == ESRCH) return Error(ErrorKind::not_found, "it doesn't run");
    return Error::system(errno, "send signal {}", signal);
  }
  return {};
}

Result<void> ignore_ended(Result<void> result) {
  if (result) return {};
  const auto kind = result.error().kind();
  if (kind == ErrorKind::not_found || kind == ErrorKind::unavailable) return {};
  return result;
}

// A start that is under way holds the lock: what follows sees it running, or failed.
Result<void> wait_for_start(const ContainerPaths& paths, const std::string& reference) {
  const auto lock = FileLock::acquire(paths.lock());
  if (lock) return {};
  if (lock.error().kind() == ErrorKind::not_found) return no_such_container(reference);
  return Error(lock.error());
}

// True when it has ended within the limit; an absent one never runs out.
Result<bool> ends_within(const Engine& engine, const std::string& id,
                         std::optional<std::chrono::milliseconds> limit) {
  const auto ended = engine.wait(id, limit);
  if (ended || ended.error().kind() == ErrorKind::not_found) return true;
  if (ended.error().kind() == ErrorKind::timeout) return false;
  return Error(ended.error());
}

std::optional<std::chrono::milliseconds> as_limit(std::chrono::seconds timeout) {
  if (timeout.count() < 0) return std::nullopt;
  return timeout;
}

Result<void> kill_hard(const Context& context, const Engine& engine, const ContainerRecord& record) {
  const ContainerPaths paths = context.layout.container(record.id);
  TRY(ignore_ended(signal_container(paths, SIGKILL)));
  if (TRY(ends_within(engine, record.id, kill_timeout))) return {};
  return Error::make(ErrorKind::timeout, "container {} didn't end within {} s of SIGKILL", record.name,
                     kill_timeout.count());
}

}  // namespace

Result<void> Engine::stop(const std::string& reference, std::optional<std::chrono::seconds> timeout) {
  const std::string id = TRY(resolve_reference(*context_, reference));
  const ContainerPaths paths = context_->layout.container(id);
  TRY(wait_for_start(paths, reference));
  const auto record = TRY(read_record(paths));
  if (runtime::monitor_is_alive(paths.directory)) {
    TRY(ignore_ended(runtime::request_stop(paths.directory)));
    const int signal = TRY(parse_signal(record.stop_signal));
    TRY(ignore_ended(signal_container(paths, signal)));
    const auto patience = timeout.value_or(record.spec.stop_timeout.value_or(default_stop_timeout));
    if (!TRY(ends_within(*this, id, as_limit(patience)))) TRY(kill_hard(*context_, *this, record));
  }
  return clean_up_container(*context_, id, Contention::wait);
}

Result<void> Engine::restart(const std::string& reference, std::optional<std::chrono::seconds> timeout) {
  const std::string id = TRY(resolve_reference(*context_, reference));
  TRY(stop(id, timeout));
  return start_container(*context_, id, UniqueFd());
}

Result<void> Engine::kill(const std::string& reference, int signal) {
  const std::string id = TRY(resolve_reference(*context_, reference));
  const ContainerPaths paths = context_->layout.container(id);
  const auto record = TRY(read_record(paths));
  const auto info = TRY(read_info(*context_, id));
  const auto not_running = Error::make(
      ErrorKind::conflict, "cannot kill container: {}: container {} is not running", reference, id);
  if (info.state != ContainerState::running && info.state != ContainerState::restarting) return not_running;
  // A signal that is meant to end it must not be answered by a restart.
  if (signal == SIGKILL || signal == TRY(parse_signal(record.stop_signal))) {
    TRY(ignore_ended(runtime::request_stop(paths.directory)));
  }
  const auto sent = signal_container(paths, signal);
  if (sent || info.state == ContainerState::restarting) return {};
  if (sent.error().kind() == ErrorKind::not_found) return not_running;
  return sent;
}

}  // namespace gantry::engine
