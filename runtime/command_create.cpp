#include "base/files.h"
#include "base/text.h"
#include "runtime/clean_path.h"
#include "runtime/commands.h"
#include "runtime/destroy.h"
#include "runtime/log.h"
#include "runtime/notify.h"
#include "runtime/plan.h"
#include "runtime/relay.h"

#include <sys/prctl.h>

namespace gantry::runtime {
namespace {

struct CreateFlags {
  CreateOptions options;
  std::string bundle = ".";
  std::string preserve = "0";
  bool detach = false;
  bool keep = false;
  bool no_subreaper = false;

  std::vector<Flag> table() {
    return {
        option("bundle", 'b', bundle, "DIR", "folder with config.json and the root"),
        option("config", 'f', options.config, "FILE", "instead of BUNDLE/config.json"),
        option("console-socket", 0, options.console_socket, "PATH", "socket that gets the terminal's master"),
        option("pidfd-socket", 0, options.pidfd_socket, "PATH",
               "socket that gets a pidfd of the init process"),
        option("pid-file", 0, options.pid_file, "FILE", "write the init process's id there"),
        option("preserve-fds", 0, preserve, "N", "descriptors after stdio and LISTEN_FDS that it inherits"),
        toggle("no-pivot", 0, options.no_pivot, "move the root instead of pivot_root, as on a ramdisk"),
        toggle("no-new-keyring", 0, options.no_new_keyring, "keep the caller's session keyring")};
  }
};

Result<void> finish(CreateFlags& flags, const std::string& id) {
  flags.options.id = id;
  if (flags.bundle.empty()) return Error(ErrorKind::invalid, "--bundle must not be empty");
  flags.options.bundle = clean_path(TRY(absolute_path(flags.bundle)));
  if (!flags.options.config.empty()) flags.options.config = TRY(absolute_path(flags.options.config));
  flags.options.preserve_fds =
      static_cast<unsigned>(TRY(parse_unsigned("--preserve-fds", flags.preserve, 65535)));
  // Now, while no descriptor of our own could stand in for a missing one.
  return check_preserved(flags.options.preserve_fds);
}

bool has_poststart_hooks(const oci::RuntimeConfig& config) {
  return config.hooks && !config.hooks->poststart.empty();
}

Result<int> run_in_foreground(const GlobalOptions& global, const CreateFlags& flags) {
  if (!flags.no_subreaper) (void)::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  const SignalRelay signals = TRY(SignalRelay::make());
  Created created = TRY(create_container(global, flags.options));
  const auto relay = NotifyRelay::listen(created.folder);
  const bool waits = has_poststart_hooks(created.config);
  auto started = !relay ? Result<void>(relay.error()) : waits ? start_created(created) : let_go(created);
  Result<int> status = 1;
  if (started) {
    created.folder.unlock();
    status = follow_process(created.pidfd, created.terminal, signals, *relay ? &**relay : nullptr);
    if (status) created.record.pid = 0;  // reaped: the number is free for others
    if (!waits) started = start_failure(created);
  }
  if (flags.keep && started) return status;
  const auto destroyed = destroy_if_there(created.folder, created.record, created.config);
  if (!started) return started.error();
  log_result(destroyed);
  return status;
}

Result<int> run_detached(const GlobalOptions& global, const CreateFlags& flags) {
  Created created = TRY(create_container(global, flags.options));
  const auto relay = NotifyRelay::listen(created.folder);
  const auto started = relay ? start_created(created) : Result<void>(relay.error());
  if (started && *relay) {
    created.channel.reset();
    created.folder.unlock();
    log_result((*relay)->await_ready(created.pidfd, created.record.pid));
  }
  if (started) return 0;
  log_result(destroy_container(created.folder, created.record, &created.config));
  return started.error();
}

}  // namespace

Result<int> command_create(const GlobalOptions& global, const Arguments& arguments) {
  CreateFlags flags;
  auto table = flags.table();
  table.push_back(toggle("no-subreaper", 0, flags.no_subreaper, "without effect: create adopts nothing"));
  const auto rest = TRY(arguments_of("create", table, arguments));
  if (!rest) return 0;
  TRY(finish(flags, rest->at(0)));
  TRY(create_container(global, flags.options));
  return 0;
}

Result<int> command_run(const GlobalOptions& global, const Arguments& arguments) {
  CreateFlags flags;
  auto table = flags.table();
  table.push_back(toggle("detach", 'd', flags.detach, "don't wait for its end"));
  table.push_back(toggle("keep", 0, flags.keep, "don't delete it at the end"));
  table.push_back(toggle("no-subreaper", 0, flags.no_subreaper, "don't adopt the processes that it orphans"));
  const auto rest = TRY(arguments_of("run", table, arguments));
  if (!rest) return 0;
  TRY(finish(flags, rest->at(0)));
  flags.options.detached = flags.detach;
  flags.options.starts_here = true;
  return flags.detach ? run_detached(global, flags) : run_in_foreground(global, flags);
}

Result<int> command_start(const GlobalOptions& global, const Arguments& arguments) {
  const auto rest = TRY(arguments_of("start", {}, arguments));
  if (!rest) return 0;
  auto found = TRY(find_container(global, rest->at(0), true));
  const auto relay = TRY(NotifyRelay::listen(found.folder));
  TRY(start_container(found.folder, found.record));
  if (!relay) return 0;
  found.folder.unlock();
  const auto init = open_process(found.record.process());
  if (init) TRY(relay->await_ready(*init, found.record.pid));  // else it has ended already
  return 0;
}

}  // namespace gantry::runtime
