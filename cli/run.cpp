#include "base/files.h"
#include "cli/cid_file.h"
#include "cli/pull_image.h"
#include "cli/run_flags.h"
#include "cli/session.h"

#include <cstdlib>
#include <fmt/core.h>
#include <unistd.h>

namespace gantry::cli {

namespace {

constexpr int failure = 125;  // docker's: the container didn't run

// Pulls the image when the policy says so.
Result<void> provide_image(engine::Engine& engine, const std::string& name, PullPolicy policy) {
  if (policy != PullPolicy::always) {
    const auto image = engine.images().resolve(name);
    if (image) return {};
    if (image.error().kind() != ErrorKind::not_found || policy == PullPolicy::never)
      return Error(image.error());
    fmt::print(stderr, "unable to find image '{}' locally\n", name);
  }
  TRY(pull_with_progress(engine.images(), name));
  return {};
}

Result<std::string> create(engine::Engine& engine, const RunFlags& flags,
                           const std::vector<std::string>& arguments) {
  const auto spec = TRY(finish_spec(flags, arguments));
  TRY(engine::check_spec(spec));
  TRY(provide_image(engine, spec.image, flags.pull));
  auto cid_file = TRY(CidFile::claim(flags.cidfile));
  const std::string id = TRY(engine.create(spec));
  TRY(cid_file.keep(id));
  return id;
}

// 126 and 127 when the program couldn't be run, as docker has it.
int exit_code_of(const Error& error) {
  if (error.kind() == ErrorKind::not_found) return 127;
  if (error.kind() == ErrorKind::denied) return 126;
  return failure;
}

int report_start_failure(engine::Engine& engine, const std::string& id, const RunFlags& flags,
                         const Error& error) {
  print_error(error);
  const auto info = engine.inspect(id);
  const bool tried = info && info->exit_code != 0;
  // Nothing stays of one whose program never ran: there is no output of it, and its name is free to try
  // again, as is the file for its id.
  const bool never_ran = info && info->started_at == TimePoint();
  if (flags.spec.auto_remove || never_ran) {
    const auto removed = engine.remove(id, {.force = true, .anonymous_volumes = true});
    if (!removed && removed.error().kind() != ErrorKind::not_found) print_error(removed.error());
  }
  const bool nothing_stays = never_ran || (!info && info.error().kind() == ErrorKind::not_found);
  if (nothing_stays && !flags.cidfile.empty()) {
    const auto removed = remove_file(flags.cidfile);
    if (!removed) print_error(removed.error());
  }
  return tried ? exit_code_of(error) : failure;
}

Result<int> run_detached(engine::Engine& engine, const std::string& id, const RunFlags& flags) {
  const auto started = engine.start(id);
  if (!started) return report_start_failure(engine, id, flags, started.error());
  fmt::print("{}\n", id);
  return 0;
}

Result<int> run_attached(engine::Engine& engine, const std::string& id, const RunFlags& flags) {
  engine::AttachOptions options;
  options.open_stdin = flags.spec.open_stdin;
  const auto end = engine.start_attached(id, options);
  if (!end) return report_start_failure(engine, id, flags, end.error());
  return end->exit_code.value_or(0);
}

Result<void> check_terminal(const RunFlags& flags) {
  const bool attached = !flags.detach && flags.spec.open_stdin && flags.spec.terminal;
  if (attached && isatty(STDIN_FILENO) == 0) {
    return Error::make(ErrorKind::invalid, "the input device is not a TTY");
  }
  return {};
}

Result<int> run(const Session& session, const std::vector<std::string>& words) {
  RunFlags flags;
  FlagSet set(session.title, "[OPTIONS] IMAGE [COMMAND] [ARG...]", FlagSet::Order::flags_first);
  set.toggle("detach", 'd', flags.detach, "run in the background and print the id");
  add_run_flags(set, flags);
  const Parsed parsed = set.arguments(1).parse(words);
  if (parsed.exit) return *parsed.exit;
  TRY(check_terminal(flags));
  auto engine = TRY(session.open_engine());
  const std::string id = TRY(create(engine, flags, parsed.arguments));
  if (flags.detach) return run_detached(engine, id, flags);
  return run_attached(engine, id, flags);
}

Result<int> create_only(const Session& session, const std::vector<std::string>& words) {
  RunFlags flags;
  FlagSet set(session.title, "[OPTIONS] IMAGE [COMMAND] [ARG...]", FlagSet::Order::flags_first);
  add_run_flags(set, flags);
  const Parsed parsed = set.arguments(1).parse(words);
  if (parsed.exit) return *parsed.exit;
  auto engine = TRY(session.open_engine());
  fmt::print("{}\n", TRY(create(engine, flags, parsed.arguments)));
  return 0;
}

}  // namespace

std::vector<VerbEntry> run_verbs() {
  return {
      {{"run", "container run"}, run, "Create and run a new container from an image", failure},
      {{"create", "container create"}, create_only, "Create a new container, to be started later", failure}};
}

}  // namespace gantry::cli
