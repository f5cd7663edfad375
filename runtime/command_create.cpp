#include "base/files.h"
#include "base/text.h"
#include "runtime/clean_path.h"
#include "runtime/commands.h"
#include "runtime/destroy.h"
#include "runtime/log.h"
#include "runtime/plan.h"
#include "runtime/relay.h"

#include <sys/prctl.h>

namespace gantry::runtime {
namespace {

struct CreateFlags {
  CreateOptions options;
  std::string preserve = "0";
  bool detach = false;
  bool keep = false;
  bool no_subreaper = false;

  std::vector<Flag> table() {
    return {{"bundle", 'b', &options.bundle},
            {"config", 'f', &options.config},
            {"console-socket", 0, &options.console_socket},
            {"pid-file", 0, &options.pid_file},
            {"preserve-fds", 0, &preserve},
            {"no-pivot", 0, nullptr, nullptr, &options.no_pivot},
            {"no-new-keyring", 0, nullptr, nullptr, &options.no_new_keyring}};
  }
};

Result<void> finish(CreateFlags& flags, const Arguments& rest, std::string_view command) {
  TRY(expect_arguments(command, rest, 1, 1));
  flags.options.id = rest[0];
  const std::string bundle = flags.options.bundle.empty() ? "." : flags.options.bundle;
  flags.options.bundle = clean_path(TRY(absolute_path(bundle)));
  if (!flags.options.config.empty()) flags.options.config = TRY(absolute_path(flags.options.config));
  flags.options.preserve_fds =
      static_cast<unsigned>(TRY(parse_unsigned("--preserve-fds", flags.preserve, 65535)));
  // Now, while no descriptor of our own could stand in for a missing one.
  return check_preserved(flags.options.preserve_fds);
}

Result<int> run_in_foreground(const GlobalOptions& global, const CreateFlags& flags) {
  if (!flags.no_subreaper) (void)::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  const SignalRelay signals = TRY(SignalRelay::make());
  Created created = TRY(create_container(global, flags.options));
  const auto started = start_container(created.folder, created.record);
  Result<int> status = 1;
  if (started) {
    created.folder.unlock();
    const std::optional<RawTerminal> raw =
        created.terminal ? std::make_optional<RawTerminal>() : std::nullopt;
    status = follow_process(created.pidfd, created.terminal, signals);
  }
  if (flags.keep && started) return status;
  TRY(created.folder.lock());
  const auto config = created.folder.load_config();
  const auto destroyed = destroy_container(created.folder, created.record, config ? &*config : nullptr);
  if (!started) return started.error();
  log_result(destroyed);
  return status;
}

Result<int> run_detached(const GlobalOptions& global, const CreateFlags& flags) {
  Created created = TRY(create_container(global, flags.options));
  const auto started = start_container(created.folder, created.record);
  if (started) return 0;
  const auto config = created.folder.load_config();
  log_result(destroy_container(created.folder, created.record, config ? &*config : nullptr));
  return started.error();
}

}  // namespace

Result<int> command_create(const GlobalOptions& global, const Arguments& arguments) {
  CreateFlags flags;
  const auto rest = TRY(parse_flags(flags.table(), arguments));
  TRY(finish(flags, rest, "create"));
  TRY(create_container(global, flags.options));
  return 0;
}

Result<int> command_run(const GlobalOptions& global, const Arguments& arguments) {
  CreateFlags flags;
  auto table = flags.table();
  table.push_back({"detach", 'd', nullptr, nullptr, &flags.detach});
  table.push_back({"keep", 0, nullptr, nullptr, &flags.keep});
  table.push_back({"no-subreaper", 0, nullptr, nullptr, &flags.no_subreaper});
  const auto rest = TRY(parse_flags(table, arguments));
  TRY(finish(flags, rest, "run"));
  flags.options.detached = flags.detach;
  return flags.detach ? run_detached(global, flags) : run_in_foreground(global, flags);
}

Result<int> command_start(const GlobalOptions& global, const Arguments& arguments) {
  const auto rest = TRY(parse_flags({}, arguments));
  TRY(expect_arguments("start", rest, 1, 1));
  auto found = TRY(find_container(global, rest[0], true));
  TRY(start_container(found.folder, found.record));
  return 0;
}

}  // namespace gantry::runtime
