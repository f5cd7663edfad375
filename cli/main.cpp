#include "base/log.h"
#include "base/text.h"
#include "cli/session.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fmt/core.h>
#include <functional>

namespace gantry::cli {

namespace {

constexpr int usage_failure = 125;

std::vector<VerbEntry> all_verbs() {
  std::vector<VerbEntry> verbs;
  for (const auto group : {run_verbs, life_verbs, list_verbs, usage_verbs, exec_verbs, inspect_verbs,
                           image_verbs, transfer_verbs, login_verbs, system_verbs}) {
    auto more = group();
    std::move(more.begin(), more.end(), std::back_inserter(verbs));
  }
  return verbs;
}

void print_help() {
  fmt::print(
      "Usage: gantry [OPTIONS] COMMAND\n\nRuns containers and moves images, as docker does, without a "
      "daemon.\n\nOptions:\n"
      "      --root DIR                    images, containers, volumes (GANTRY_ROOT; /var/lib/gantry)\n"
      "      --run-root DIR                state that a reboot ends (GANTRY_RUN_ROOT; /run/gantry)\n"
      "      --cgroup-limits required|best-effort\n"
      "                                    whether a limit that this host can't enforce is an error "
      "(required)\n"
      "      --ca-file FILE                further CA certificates for registries, PEM (GANTRY_CA_FILE)\n"
      "      --bridge NAME                 the bridge of this root's network (gantry0)\n"
      "      --subnet CIDR                 its subnet (one that no route overlaps)\n"
      "      --help, --version\n\nCommands:\n");
  for (const auto& verb : all_verbs()) {
    if (verb.listed) fmt::print("  {:<15} {}\n", verb.name, verb.summary);
  }
  fmt::print("\nRun 'gantry COMMAND --help' for more information on a command.\n");
}

int wrong_usage(const std::string& error) {
  fmt::print(stderr, "gantry: {}\nrun 'gantry --help' for more information\n", error);
  return usage_failure;
}

void from_environment(engine::EngineOptions& options) {
  const auto take = [](const char* name, std::string& target) {
    if (const char* value = getenv(name); value != nullptr && *value != '\0') target = value;
  };
  take("GANTRY_ROOT", options.root);
  take("GANTRY_RUN_ROOT", options.run_root);
  take("GANTRY_CA_FILE", options.ca_file);
}

Result<void> set_limits(engine::EngineOptions& options, const std::string& text) {
  if (text == "required") {
    options.limits = engine::LimitPolicy::required;
  } else if (text == "best-effort") {
    options.limits = engine::LimitPolicy::best_effort;
  } else {
    return Error::make(ErrorKind::invalid, "--cgroup-limits must be required or best-effort, found \"{}\"",
                       text);
  }
  return {};
}

// Takes the global flags off the front. True: help or the version was asked for, and printed.
Result<bool> read_global_flags(std::vector<std::string>& words, engine::EngineOptions& options) {
  while (!words.empty() && words[0].rfind('-', 0) == 0) {
    const size_t equals = words[0].find('=');
    const std::string name = words[0].substr(0, equals);
    if (name == "--help" || name == "-h") {
      print_help();
      return true;
    }
    if (name == "--version" || name == "-v") {
      fmt::print("gantry version {}\n", GANTRY_VERSION);
      return true;
    }
    const std::pair<std::string_view, std::string*> paths[] = {{"--root", &options.root},
                                                               {"--run-root", &options.run_root},
                                                               {"--ca-file", &options.ca_file},
                                                               {"--bridge", &options.bridge},
                                                               {"--subnet", &options.subnet}};
    const auto* path = std::find_if(std::begin(paths), std::end(paths),
                                    [&](const auto& entry) { return entry.first == name; });
    const bool known = path != std::end(paths) || name == "--cgroup-limits";
    if (!known) return Error::make(ErrorKind::invalid, "unknown flag: {}", name);
    std::string value;
    if (equals != std::string::npos) {
      value = words[0].substr(equals + 1);
    } else if (words.size() < 2) {
      return Error::make(ErrorKind::invalid, "flag needs an argument: {}", name);
    } else {
      value = words[1];
      words.erase(words.begin());
    }
    words.erase(words.begin());
    if (path != std::end(paths)) {
      *path->second = value;
    } else {
      TRY(set_limits(options, value));
    }
  }
  return false;
}

// "image inspect", "image ls" and "container ls" are names of their own; other "image X" and "container X"
// are X.
std::string take_verb(std::vector<std::string>& words) {
  std::string verb = words[0];
  words.erase(words.begin());
  if ((verb != "image" && verb != "container") || words.empty()) return verb;
  const std::string noun = verb;
  verb = words[0];
  words.erase(words.begin());
  if (noun == "image" && (verb == "inspect" || verb == "prune")) return "image " + verb;
  if (noun == "image" && verb == "rm") return "rmi";
  if (verb == "ls" || verb == "list") return noun == "image" ? "images" : "ps";
  return verb;
}

int run_verb(const VerbEntry& verb, const Session& session, const std::vector<std::string>& words) {
  const auto code = verb.run(session, words);
  if (code) return *code;
  print_error(code.error());
  return verb.failure;
}

int run(std::vector<std::string> words) {
  Session session;
  from_environment(session.options);
  const auto done = read_global_flags(words, session.options);
  if (!done) return wrong_usage(done.error().message());
  if (*done) return 0;
  if (words.empty()) {
    print_help();
    return 0;
  }
  const std::string name = take_verb(words);
  const auto verbs = all_verbs();
  const auto verb =
      std::find_if(verbs.begin(), verbs.end(), [&](const VerbEntry& entry) { return entry.name == name; });
  if (verb != verbs.end()) return run_verb(*verb, session, words);
  return wrong_usage(format("'{}' is not a gantry command", name));
}

}  // namespace

}  // namespace gantry::cli

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a reader that went away is an error of the write
  return gantry::cli::run({argv + 1, argv + argc});
}
