#include "base/text.h"
#include "cli/values.h"
#include "cli/verbs.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fmt/core.h>
#include <system_error>

namespace gantry::cli {

namespace {

void from_environment(engine::EngineOptions& options) {
  const auto take = [](const char* name, std::string& target) {
    if (const char* value = getenv(name); value != nullptr && *value != '\0') target = value;
  };
  take("GANTRY_ROOT", options.root);
  take("GANTRY_RUN_ROOT", options.run_root);
  take("GANTRY_CA_FILE", options.ca_file);
}

FlagSet::Setter set_limits(engine::EngineOptions& options) {
  return [&options](const std::string& text) -> Result<void> {
    if (text != "required" && text != "best-effort") {
      return Error::make(ErrorKind::invalid, "must be required or best-effort, found \"{}\"", text);
    }
    options.limits = text == "required" ? engine::LimitPolicy::required : engine::LimitPolicy::best_effort;
    return {};
  };
}

// Sets what must not be empty.
FlagSet::Setter filled(std::string& target) {
  return [&target](const std::string& text) -> Result<void> {
    if (text.empty()) return Error(ErrorKind::invalid, "must not be empty");
    target = text;
    return {};
  };
}

FlagSet global_flags(engine::EngineOptions& options, bool& version) {
  const auto set_subnet = [&options](const std::string& text) -> Result<void> {
    options.subnet = TRY(parse_subnet(text));
    return {};
  };
  FlagSet flags({"gantry", "Runs containers and moves images with docker's verbs, without a daemon", {}},
                "[OPTIONS] COMMAND [ARG...]", FlagSet::Order::flags_first);
  flags
      .custom("root", 0, filled(options.root), "DIR",
              "images, containers, volumes (default $GANTRY_ROOT, else /var/lib/gantry)")
      .custom("run-root", 0, filled(options.run_root), "DIR",
              "state that a reboot ends (default $GANTRY_RUN_ROOT, else /run/gantry)")
      .custom("cgroup-limits", 0, set_limits(options), "MODE",
              "a limit that this host can't enforce is an error (required), or left out (best-effort) "
              "(default required)")
      .custom("ca-file", 0, filled(options.ca_file), "FILE",
              "further CA certificates for registries, PEM (default $GANTRY_CA_FILE, else the system's)")
      .custom("bridge", 0, filled(options.bridge), "NAME",
              "the bridge of this root's network (default gantry0)")
      .custom("subnet", 0, set_subnet, "CIDR",
              "its IPv4 subnet (default: the first of a list that no route overlaps)")
      .toggle("version", 'v', version, "show the version");
  flags.arguments(0).epilogue(
      commands_help() + "\nRun 'gantry COMMAND --help' or 'gantry help COMMAND' for more on a command.\n");
  return flags;
}

int run_verb(const Found& found, Session& session) {
  session.title = title_of(*found.verb, found.name);
  const auto code = found.verb->run(session, found.arguments);
  if (code) return *code;
  print_error(code.error());
  return found.verb->failure;
}

FlagSet group_flags(const std::string& name) {
  FlagSet flags({"gantry " + name, group_summary(name), {}}, "COMMAND");
  flags.epilogue(commands_help(name) +
                 fmt::format("\nRun 'gantry {} COMMAND --help' for more on a command.\n", name));
  return flags;
}

// `gantry image` and `gantry image --help`.
int run_group(const Found& found) {
  const FlagSet flags = group_flags(found.name);
  const Parsed parsed = flags.parse(found.arguments);
  if (parsed.exit) return *parsed.exit;
  fmt::print("{}", flags.help());
  return 0;
}

int unknown(const std::string& what, const std::vector<std::string>& words, const FlagSet& global) {
  const bool of_group = words.size() > 1 && !group_summary(words[0]).empty();
  return of_group ? group_flags(words[0]).wrong_usage(what, wrong_arguments)
                  : global.wrong_usage(what, wrong_arguments);
}

int run_command(const std::vector<std::string>& words, Session& session, const FlagSet& global) {
  const Found found = find_verb(words);
  if (found.verb) return run_verb(found, session);
  if (found.group) return run_group(found);
  return unknown("unknown command: gantry " + found.name, words, global);
}

// `gantry help image prune` is `gantry image prune --help`.
int run_help(std::vector<std::string> topic, Session& session, const FlagSet& global) {
  topic.erase(topic.begin());
  if (topic.empty() || topic[0].rfind('-', 0) == 0) {
    fmt::print("{}", global.help());
    return 0;
  }
  Found found = find_verb(topic);
  if (!found.arguments.empty() || !(found.verb || found.group)) {
    return unknown(fmt::format("unknown help topic: {}", join(topic, " ")), topic, global);
  }
  found.arguments = {"--help"};
  return found.verb ? run_verb(found, session) : run_group(found);
}

int run(const std::vector<std::string>& words) {
  Session session;
  bool version = false;
  from_environment(session.options);
  const FlagSet global = global_flags(session.options, version);
  const Parsed parsed = global.parse(words);
  if (parsed.exit) return *parsed.exit;
  if (version) {
    fmt::print("gantry version {}\n", GANTRY_VERSION);
    return 0;
  }
  if (parsed.arguments.empty()) {
    fmt::print("{}", global.help());
    return 0;
  }
  if (parsed.arguments[0] == "help") return run_help(parsed.arguments, session, global);
  return run_command(parsed.arguments, session, global);
}

}  // namespace

}  // namespace gantry::cli

namespace {

// A reader that has seen enough, as head(1) has, is no failure.
int write_failed(int code, int error) {
  if (error == EPIPE) return code;
  (void)std::fprintf(stderr, "gantry: write: %s\n", std::strerror(error));
  return code == 0 ? 1 : code;
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a reader that went away is an error of the write
  int code = 1;
  try {
    code = gantry::cli::run({argv + 1, argv + argc});
  } catch (const std::system_error& error) {
    // fmt::print throws when stdout or stderr can't be written to: there may be nobody left to tell.
    return write_failed(1, error.code().value());
  }
  return std::fflush(stdout) == 0 ? code : write_failed(code, errno);
}
