#include "base/text.h"
#include "cli/flags.h"
#include "cli/session.h"
#include "cli/values.h"

#include <fmt/core.h>
#include <unistd.h>

namespace gantry::cli {

namespace {

void add_exec_flags(FlagSet& set, engine::ExecSpec& spec) {
  const auto variable = [&spec](const std::string& text) -> Result<void> {
    const std::string expanded = expand_variable(text);
    if (!expanded.empty()) spec.environment.push_back(expanded);
    return {};
  };
  const auto file = [&spec](const std::string& path) -> Result<void> {
    for (auto& line : TRY(read_environment_file(path))) spec.environment.push_back(std::move(line));
    return {};
  };
  set.toggle("interactive", 'i', spec.open_stdin, "keep stdin open")
      .toggle("tty", 't', spec.terminal, "allocate a terminal")
      .toggle("detach", 'd', spec.detach, "run in the background")
      .toggle("privileged", 0, spec.privileged, "with all capabilities")
      .custom("env", 'e', variable, "NAME=VALUE", "set a variable; NAME alone takes ours")
      .custom("env-file", 0, file, "FILE", "read variables from a file")
      .value("user", 'u', spec.user, "USER[:GROUP]", "name or number (default the container's)")
      .value("workdir", 'w', spec.working_directory, "DIR",
             "working directory in the container (default the container's)");
}

// docker's: 127 the program isn't there, 126 it can't be run (also: no such user), 1 for what is wrong with
// the container.
int exec_exit_code(const Error& error) {
  const bool of_the_runtime = error.message().starts_with("exec failed: ");
  if (error.kind() == ErrorKind::not_found) return of_the_runtime ? 127 : 126;
  if (error.kind() == ErrorKind::denied) return 126;
  return 1;
}

Result<int> exec(const Session& session, const std::vector<std::string>& words) {
  engine::ExecSpec spec;
  FlagSet set(session.title, "[OPTIONS] CONTAINER COMMAND [ARG...]", FlagSet::Order::flags_first);
  add_exec_flags(set, spec);
  const Parsed parsed = set.arguments(2).parse(words);
  if (parsed.exit) return *parsed.exit;
  if (spec.terminal && spec.open_stdin && isatty(STDIN_FILENO) == 0) {
    return Error::make(ErrorKind::invalid, "the input device is not a TTY");
  }
  spec.command.assign(parsed.arguments.begin() + 1, parsed.arguments.end());
  const auto engine = TRY(session.open_engine());
  const std::string id = TRY(engine.resolve(parsed.arguments[0]));
  const auto code = engine.exec(id, spec);
  if (code) return *code;
  print_error(code.error());
  return exec_exit_code(code.error());
}

// "ctrl-p,ctrl-q", "ctrl-a,d".
Result<std::vector<char>> parse_detach_keys(const std::string& text) {
  std::vector<char> keys;
  for (const auto& word : split(text, ',')) {
    if (word.size() == 1) {
      keys.push_back(word[0]);
    } else if (word.size() == 6 && word.rfind("ctrl-", 0) == 0 && word[5] >= '@' && word[5] <= 'z') {
      keys.push_back(static_cast<char>(word[5] & 0x1f));
    } else {
      return Error::make(ErrorKind::invalid, "must be letters and ctrl-X, with commas, found \"{}\"", text);
    }
  }
  return keys;
}

Result<int> attach(const Session& session, const std::vector<std::string>& words) {
  engine::AttachOptions options;
  bool no_stdin = false;
  const auto detach_keys = [&options](const std::string& text) -> Result<void> {
    options.detach_keys = TRY(parse_detach_keys(text));
    return {};
  };
  FlagSet set(session.title, "[OPTIONS] CONTAINER");
  set.toggle("no-stdin", 0, no_stdin, "don't attach stdin")
      .toggle("sig-proxy", 0, options.forward_signals, "pass signals on, without a terminal")
      .custom("detach-keys", 0, detach_keys, "KEYS", "keys that leave it running (default ctrl-p,ctrl-q)");
  const Parsed parsed = set.arguments(1, 1).parse(words);
  if (parsed.exit) return *parsed.exit;
  options.open_stdin = !no_stdin;
  const auto engine = TRY(session.open_engine());
  const std::string id = TRY(engine.resolve(parsed.arguments[0]));
  const auto end = TRY(engine.attach(id, options));
  if (!end.exit_code) fmt::print(stderr, "read escape sequence\n");
  return end.exit_code.value_or(0);
}

}  // namespace

std::vector<VerbEntry> exec_verbs() {
  return {{{"exec", "container exec"}, exec, "Execute a command in a running container"},
          {{"attach", "container attach"}, attach, "Join our terminal to a running container"}};
}

}  // namespace gantry::cli
