#include "base/terminal.h"
#include "engine/attach_session.h"
#include "engine/capability_set.h"
#include "engine/context.h"
#include "engine/root_files.h"
#include "engine/user.h"
#include "oci/runtime_config.h"

#include <algorithm>
#include <csignal>
#include <unistd.h>

namespace gantry::engine {

namespace {

Result<void> set_exec_user(oci::Process& process, const Context& context, const ContainerRecord& record,
                           const ExecSpec& spec) {
  if (spec.user.empty()) return {};
  const UniqueFd root = TRY(open_root(context.layout.container(record.id).rootfs()));
  const auto user = TRY(resolve_user(root, spec.user, {}));
  process.user.uid = user.uid;
  process.user.gid = user.gid;
  process.user.additional_gids = user.additional_gids;
  std::erase_if(process.env, [](const std::string& variable) { return variable.rfind("HOME=", 0) == 0; });
  process.env.push_back("HOME=" + user.home);
  return {};
}

Result<void> set_exec_capabilities(oci::Process& process, const ContainerRecord& record,
                                   const ExecSpec& spec) {
  const ContainerSpec& own = record.spec;
  const auto names = TRY(
      capability_set(own.capabilities_added, own.capabilities_dropped, own.privileged || spec.privileged));
  oci::Capabilities capabilities;
  capabilities.bounding = names;
  if (process.user.uid == 0) {
    capabilities.effective = names;
    capabilities.permitted = names;
  }
  process.capabilities = std::move(capabilities);
  return {};
}

void add_environment(oci::Process& process, const ExecSpec& spec) {
  if (spec.terminal) process.env.emplace_back("TERM=xterm");
  process.env.insert(process.env.end(), spec.environment.begin(), spec.environment.end());
}

// The container's own process, with what the spec changes.
Result<oci::Process> make_exec_process(const Context& context, const ContainerRecord& record,
                                       const ExecSpec& spec) {
  const std::string path = context.layout.container(record.id).config();
  const std::string text = TRY(read_file(path));
  const auto config = TRY(oci::parse_runtime_config(text, path));
  if (!config.process) return Error::make(ErrorKind::corrupt, "{}: no process", path);
  oci::Process process = *config.process;
  process.args = spec.command;
  process.terminal = spec.terminal;
  process.console_size.reset();
  if (const auto size = terminal_size(BorrowedFd(STDIN_FILENO)); size && spec.terminal) {
    process.console_size = oci::Box{size->rows, size->columns};
  }
  if (!spec.working_directory.empty()) process.cwd = spec.working_directory;
  TRY(set_exec_user(process, context, record, spec));
  TRY(set_exec_capabilities(process, record, spec));
  add_environment(process, spec);
  return process;
}

runtime::MonitorConfig make_session_config(const Context& context, const ContainerRecord& record,
                                           const ExecSpec& spec, const std::string& folder) {
  runtime::MonitorConfig config;
  config.id = record.id;
  config.exec_process = join_path(folder, "process.json");
  config.runtime = context.options.runtime;
  config.runtime_root = context.layout.runtime_state();
  config.runtime_arguments = runtime_limit_flags(context);
  config.bundle = context.layout.container(record.id).directory;
  config.log.driver = runtime::LogDriver::none;
  config.terminal = spec.terminal;
  config.open_stdin = spec.open_stdin;
  config.stdin_once = true;
  return config;
}

AttachSession make_attach_session(const ExecSpec& spec, const std::string& folder, UniqueFd socket) {
  AttachSession session;
  session.socket = std::move(socket);
  session.directory = folder;
  session.terminal = spec.terminal;
  session.open_stdin = spec.open_stdin;
  // Not HUP: the program outlives our terminal.
  if (!spec.terminal) session.forwarded_signals = {SIGINT, SIGTERM, SIGQUIT, SIGUSR1, SIGUSR2};
  return session;
}

// Relays until the program has ended. Its status is on disk before the session closes our socket.
Result<int> follow_session(const ExecSpec& spec, const std::string& folder, UniqueFd socket) {
  const auto end = TRY(run_attach_session(make_attach_session(spec, folder, std::move(socket))));
  if (end == AttachEnd::reader_gone) return 128 + SIGPIPE;
  const auto status = TRY(runtime::read_monitor_status(folder));
  if (status.state != runtime::MonitorState::exited) {
    return Error::make(ErrorKind::unavailable,
                       "exec: its monitor was killed, so nobody knows how the program ends");
  }
  if (!status.error.empty()) return Error::make(ErrorKind::unavailable, "exec: {}", status.error);
  return status.exit_code;
}

// A session that runs on without us removes its folder when it ends.
Result<int> run_exec(const Context& context, const ContainerRecord& record, const ExecSpec& spec,
                     TemporaryDirectory folder) {
  const std::string path = folder.path();
  const auto process = TRY(make_exec_process(context, record, spec));
  const auto config = make_session_config(context, record, spec, path);
  TRY(write_file(config.exec_process, oci::to_json_text(process)));
  auto ends = spec.detach ? std::array<UniqueFd, 2>{} : TRY(packet_pair());
  const auto message = TRY(run_monitor(context, path, config, std::move(ends[1])));
  if (message.pid <= 0) return classify_runtime_message(message.error);
  if (spec.detach) {
    (void)folder.release();
    return 0;
  }
  auto code = follow_session(spec, path, std::move(ends[0]));
  const auto status = runtime::read_monitor_status(path);
  if (status && status->state != runtime::MonitorState::exited) (void)folder.release();
  return code;
}

}  // namespace

Result<int> Engine::exec(const std::string& reference, const ExecSpec& spec) const {
  const std::string id = TRY(resolve_reference(*context_, reference));
  if (spec.command.empty()) return Error::make(ErrorKind::invalid, "exec: no command given");
  const auto record = TRY(read_record(context_->layout.container(id)));
  const auto info = TRY(read_info(*context_, id));
  if (info.state != ContainerState::running) {
    return Error::make(ErrorKind::conflict, "container {} is not running", id);
  }
  return run_exec(*context_, record, spec, TRY(TemporaryDirectory::make(context_->layout.run_root)));
}

}  // namespace gantry::engine
