#include "base/text.h"
#include "cli/flags.h"
#include "cli/session.h"
#include "engine/monitor_upgrade.h"
#include "engine/signals.h"

#include <fmt/core.h>

namespace gantry::cli {

namespace {

using Seconds = std::optional<std::chrono::seconds>;

FlagSet::Setter set_seconds(Seconds& target) {
  return [&target](const std::string& text) -> Result<void> {
    target = std::chrono::seconds(TRY(parse_integer("seconds", text, -1, INT32_MAX)));
    return {};
  };
}

Result<int> start_attached(engine::Engine& engine, const std::string& reference, bool interactive) {
  engine::AttachOptions options;
  options.open_stdin = interactive;
  const auto end = TRY(engine.start_attached(reference, options));
  return end.exit_code.value_or(0);
}

Result<int> start(const Session& session, const std::vector<std::string>& words) {
  bool attach = false;
  bool interactive = false;
  FlagSet set(session.title, "[OPTIONS] CONTAINER [CONTAINER...]");
  set.toggle("attach", 'a', attach, "show its output and forward signals")
      .toggle("interactive", 'i', interactive, "attach our stdin");
  const Parsed parsed = set.arguments(1).parse(words);
  if (parsed.exit) return *parsed.exit;
  auto engine = TRY(session.open_engine());
  if (!attach && !interactive) {
    return for_each_argument(parsed.arguments, [&](const std::string& name) { return engine.start(name); });
  }
  if (parsed.arguments.size() != 1)
    return set.wrong_usage("you cannot start and attach multiple containers at once", wrong_arguments);
  return start_attached(engine, parsed.arguments[0], interactive);
}

using StopCall = Result<void> (engine::Engine::*)(const std::string&, Seconds);

Result<int> stop_each(const Session& session, const std::vector<std::string>& words, StopCall call) {
  Seconds timeout;
  FlagSet set(session.title, "[OPTIONS] CONTAINER [CONTAINER...]");
  set.custom("time", 't', set_seconds(timeout), "SECONDS",
             "before it is killed (default its --stop-timeout, else 10; -1: never)")
      .custom("timeout", 0, set_seconds(timeout), "SECONDS", "the same as --time");
  const Parsed parsed = set.arguments(1).parse(words);
  if (parsed.exit) return *parsed.exit;
  auto engine = TRY(session.open_engine());
  return for_each_argument(parsed.arguments,
                           [&](const std::string& name) { return (engine.*call)(name, timeout); });
}

Result<int> stop(const Session& session, const std::vector<std::string>& words) {
  return stop_each(session, words, &engine::Engine::stop);
}

Result<int> restart(const Session& session, const std::vector<std::string>& words) {
  return stop_each(session, words, &engine::Engine::restart);
}

Result<int> kill(const Session& session, const std::vector<std::string>& words) {
  std::string signal_name = "KILL";
  FlagSet set(session.title, "[OPTIONS] CONTAINER [CONTAINER...]");
  set.value("signal", 's', signal_name, "SIGNAL", "name or number");
  const Parsed parsed = set.arguments(1).parse(words);
  if (parsed.exit) return *parsed.exit;
  const int signal = TRY(engine::parse_signal(signal_name));
  auto engine = TRY(session.open_engine());
  return for_each_argument(parsed.arguments,
                           [&](const std::string& name) { return engine.kill(name, signal); });
}

Result<int> upgrade_monitors(const Session& session, const std::vector<std::string>& words) {
  FlagSet set(session.title, "CONTAINER [CONTAINER...]");
  const Parsed parsed = set.arguments(1).parse(words);
  if (parsed.exit) return *parsed.exit;
  const auto engine = TRY(session.open_engine());
  return for_each_argument(parsed.arguments,
                           [&](const std::string& name) { return engine::upgrade_monitor(engine, name); });
}

// With -f one that isn't there is fine, as with rm -f.
Result<void> remove_one(engine::Engine& engine, const std::string& name,
                        const engine::RemoveOptions& options) {
  auto removed = engine.remove(name, options);
  if (!removed && options.force && removed.error().kind() == ErrorKind::not_found) {
    print_error(removed.error());
    return {};
  }
  return removed;
}

Result<int> remove(const Session& session, const std::vector<std::string>& words) {
  engine::RemoveOptions options;
  FlagSet set(session.title, "[OPTIONS] CONTAINER [CONTAINER...]");
  set.toggle("force", 'f', options.force, "kill it first when it runs")
      .toggle("volumes", 'v', options.anonymous_volumes, "remove its anonymous volumes too");
  const Parsed parsed = set.arguments(1).parse(words);
  if (parsed.exit) return *parsed.exit;
  auto engine = TRY(session.open_engine());
  return for_each_argument(parsed.arguments,
                           [&](const std::string& name) { return remove_one(engine, name, options); });
}

Result<int> wait(const Session& session, const std::vector<std::string>& words) {
  FlagSet set(session.title, "CONTAINER [CONTAINER...]");
  const Parsed parsed = set.arguments(1).parse(words);
  if (parsed.exit) return *parsed.exit;
  const auto engine = TRY(session.open_engine());
  int code = 0;
  for (const auto& name : parsed.arguments) {
    const auto ended = engine.wait(name);
    if (ended) {
      fmt::print("{}\n", *ended);
      continue;
    }
    print_error(ended.error());
    code = 1;
  }
  return code;
}

// What a monitor calls once its container has ended; people have no need of it.
Result<int> clean_up(const Session& session, const std::vector<std::string>& words) {
  FlagSet set(session.title, "CONTAINER [CONTAINER...]");
  const Parsed parsed = set.arguments(1).parse(words);
  if (parsed.exit) return *parsed.exit;
  auto engine = TRY(session.open_engine());
  for (const auto& name : parsed.arguments) {
    const auto cleaned = engine.clean_up(name);
    if (!cleaned && cleaned.error().kind() != ErrorKind::not_found) return Error(cleaned.error());
  }
  return 0;
}

}  // namespace

std::vector<VerbEntry> life_verbs() {
  return {{{"start", "container start"}, start, "Start stopped containers"},
          {{"stop", "container stop"}, stop, "Stop running containers"},
          {{"restart", "container restart"}, restart, "Stop containers and start them again"},
          {{"kill", "container kill"}, kill, "Send a signal to running containers"},
          {{"rm", "container rm", "container remove"}, remove, "Remove containers"},
          {{"wait", "container wait"}, wait, "Block until containers stop, then print their exit codes"},
          {{"monitor upgrade"},
           upgrade_monitors,
           "Put the installed gantry-monitor in the place of running ones, while their containers run on"},
          {{"clean-up"}, clean_up, "Free what ended containers need no longer", 1, false}};
}

}  // namespace gantry::cli
