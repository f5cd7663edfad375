#include "engine/attach_session.h"
#include "engine/context.h"

#include <array>
#include <csignal>

namespace gantry::engine {

namespace {

AttachSession make_session(const ContainerRecord& record, const ContainerPaths& paths,
                           const AttachOptions& options, UniqueFd socket) {
  AttachSession session;
  session.socket = std::move(socket);
  session.directory = paths.directory;
  session.terminal = record.spec.terminal;
  session.open_stdin = options.open_stdin && record.spec.open_stdin;
  if (options.forward_signals && !record.spec.terminal) {
    session.forwarded_signals = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};
  }
  if (record.spec.terminal) session.detach_keys = options.detach_keys;
  return session;
}

// Relays, then reads the exit code while the files are still held.
Result<AttachResult> run_to_end(const Context& context, const std::string& id, AttachSession session,
                                std::optional<FileLock> files) {
  const auto end = TRY(run_attach_session(std::move(session)));
  if (end == AttachEnd::detached) return AttachResult{};
  if (end == AttachEnd::reader_gone) return Error::system(EPIPE, "write output");
  const auto code = wait_for_end(context, id, {});
  files.reset();
  TRY(clean_up_container(context, id, Contention::wait));
  return AttachResult{TRY(code)};
}

}  // namespace

Result<AttachResult> Engine::attach(const std::string& reference, const AttachOptions& options) const {
  const std::string id = TRY(resolve_reference(*context_, reference));
  const ContainerPaths paths = context_->layout.container(id);
  const auto record = TRY(read_record(paths));
  auto files = TRY(hold_files(*context_, id));
  const auto info = TRY(read_info(*context_, id));
  if (info.state != ContainerState::running) {
    return Error::make(ErrorKind::conflict, "you cannot attach to a stopped container, start it first");
  }
  UniqueFd socket = TRY(runtime::connect_attach(paths.directory));
  return run_to_end(*context_, id, make_session(record, paths, options, std::move(socket)), std::move(files));
}

Result<AttachResult> Engine::start_attached(const std::string& reference, const AttachOptions& options) {
  const std::string id = TRY(resolve_reference(*context_, reference));
  const ContainerPaths paths = context_->layout.container(id);
  const auto record = TRY(read_record(paths));
  if (runtime::monitor_is_alive(paths.directory)) return attach(id, options);
  auto files = TRY(hold_files(*context_, id));
  auto pair = TRY(packet_pair());
  TRY(start_container(*context_, id, std::move(pair[1])));
  return run_to_end(*context_, id, make_session(record, paths, options, std::move(pair[0])),
                    std::move(files));
}

Result<void> Engine::resize(const std::string& reference, unsigned rows, unsigned columns) const {
  const std::string id = TRY(resolve_reference(*context_, reference));
  return runtime::resize_terminal(context_->layout.container(id).directory, static_cast<uint16_t>(rows),
                                  static_cast<uint16_t>(columns));
}

}  // namespace gantry::engine
