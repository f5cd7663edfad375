#include "base/files.h"
#include "base/text.h"
#include "runtime/commands.h"
#include "runtime/heap.h"
#include "runtime/log.h"
#include "runtime/seal.h"
#include "runtime/version.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace gantry::runtime {
namespace {

constexpr int unknown_command = 3;  // as runc has it

struct GlobalFlags {
  GlobalFlags() { options.root = not_given; }

  GlobalOptions options;
  std::string log_format = "text";
  std::string log_level = "warning";
  std::string limits = "required";
  std::string cgroup_manager = "cgroupfs";
  std::string rootless = "auto";
  bool systemd_cgroup = false;
  bool help = false;
  bool version = false;

  std::vector<Flag> table() {
    return {
        option(
            "root", 0, options.root, "DIR",
            "where the states of containers are (default /run/gantry-oci, or $XDG_RUNTIME_DIR/gantry-oci for "
            "a user)"),
        option("log", 0, options.log, "FILE",
               "append errors and warnings there; also file:FILE, journald:ID and syslog:ID"),
        option("log-format", 0, log_format, "FORMAT", "text or json"),
        option("log-level", 0, log_level, "LEVEL", "what is logged: error, warning or debug"),
        toggle("log-only", 0, options.log_only, "errors go to --log FILE alone, not to stderr too"),
        toggle("debug", 0, options.debug, "--log-level debug: also the steps that were done"),
        option("cgroup-limits", 0, limits, "MODE",
               "a limit that this host can't enforce is an error (required) or a warning (best-effort); "
               "none: no "
               "cgroup is made"),
        option("cgroup-manager", 0, cgroup_manager, "NAME",
               "cgroupfs; systemd is --systemd-cgroup; disabled is --cgroup-limits none"),
        toggle("systemd-cgroup", 0, systemd_cgroup,
               "systemd makes and keeps the cgroup, as a scope; cgroupsPath is SLICE:PREFIX:NAME"),
        option("rootless", 0, rootless, "MODE",
               "whether the caller is without root's rights: true, false or auto (as it is)"),
        toggle("version", 'v', version, "show the version"),
        toggle("help", 'h', help, "show this help"),
    };
  }
};

std::string usage() {
  std::string text =
      "Usage: gantry-oci [OPTIONS] COMMAND [COMMAND'S OPTIONS] [ARGUMENT...]\n\n"
      "An OCI runtime: makes and runs containers from bundles (a folder with a config.json and a root).\n\n"
      "Commands:\n";
  for (const auto& command : all_commands()) {
    text += format("  {:<10}  {}\n", command.usage.name, command.usage.summary);
  }
  text += "  help        Show this help, or a command's\n\nOptions:\n";
  GlobalFlags flags;
  return text + flags_help(flags.table()) +
         "\nRun 'gantry-oci COMMAND --help' or 'gantry-oci help COMMAND' for more on a command.\n";
}

Result<Limits> parse_limits(const std::string& text) {
  if (text == "required") return Limits::required;
  if (text == "best-effort") return Limits::best_effort;
  if (text == "none") return Limits::none;
  return Error::make(ErrorKind::invalid,
                     "--cgroup-limits must be required, best-effort or none, found \"{}\"", text);
}

Result<Rootless> parse_rootless(const std::string& text) {
  if (text == "auto") return Rootless::automatic;
  if (text == "true") return Rootless::yes;
  if (text == "false") return Rootless::no;
  return Error::make(ErrorKind::invalid, "--rootless must be true, false or auto, found \"{}\"", text);
}

Result<LogLevel> parse_log_level(const std::string& text) {
  if (text == "error") return LogLevel::error;
  if (text == "warning") return LogLevel::warning;
  if (text == "debug") return LogLevel::debug;
  return Error::make(ErrorKind::invalid, "--log-level must be error, warning or debug, found \"{}\"", text);
}

Result<void> choose_driver(GlobalFlags& flags) {
  GlobalOptions& options = flags.options;
  const std::string& manager = flags.cgroup_manager;
  if (manager != "cgroupfs" && manager != "systemd" && manager != "disabled") {
    return Error::make(ErrorKind::invalid,
                       "--cgroup-manager must be cgroupfs, systemd or disabled, found \"{}\"", manager);
  }
  options.systemd_cgroup = flags.systemd_cgroup || manager == "systemd";
  if (manager == "disabled") options.limits = Limits::none;
  return {};
}

Result<void> check(GlobalFlags& flags) {
  GlobalOptions& options = flags.options;
  if (flags.log_format != "text" && flags.log_format != "json") {
    return Error::make(ErrorKind::invalid, "--log-format must be text or json, found \"{}\"",
                       flags.log_format);
  }
  if (options.log_only && options.log.empty())
    return Error(ErrorKind::invalid, "--log-only needs --log FILE");
  options.log_json = flags.log_format == "json";
  const auto level = TRY(parse_log_level(options.debug ? "debug" : flags.log_level));
  TRY(set_log_target({options.log, options.log_json, level, options.log_only}));
  options.limits = TRY(parse_limits(flags.limits));
  TRY(choose_driver(flags));
  options.rootless = TRY(parse_rootless(flags.rootless));
  const bool root_given = options.root != not_given;
  if (!root_given) options.root = default_root(options.rootless);
  if (options.root.empty()) {
    return Error(ErrorKind::invalid, root_given
                                         ? "--root must not be empty"
                                         : "no folder for states: XDG_RUNTIME_DIR is not set (--root DIR)");
  }
  options.root = TRY(absolute_path(options.root));
  while (options.root.size() > 1 && options.root.back() == '/') options.root.pop_back();
  if (options.root == "/") return Error::make(ErrorKind::invalid, "--root must not be /");
  return {};
}

int fail(const Error& error, int status) {
  log_error(error.message());
  return status;
}

// Descriptors 0 to 2 must be something, or our own files become the container's stdio.
void open_stdio() {
  const auto is_open = [](int fd) { return ::fcntl(fd, F_GETFD) >= 0; };
  while (!is_open(0) || !is_open(1) || !is_open(2)) {
    if (::open("/dev/null", O_RDWR) < 0) return;
  }
}

int run_command(const CommandEntry& command, const GlobalOptions& options, const Arguments& arguments) {
  const auto name = command.usage.name;
  const bool shows_us = name == "create" || name == "run" || name == "exec";
  if (shows_us && !program_is_sealed()) {
    return fail(Error::make(ErrorKind::denied, "cannot seal this program against changes by a container"), 1);
  }
  if (shows_us) populate_memory();
  log_debug("command {}", name);
  const auto status = command.run(options, arguments);
  return status ? *status : fail(status.error(), 1);
}

int show_usage() {
  (void)write_all(BorrowedFd(1), usage());
  return 0;
}

// `help run` is `run --help`.
int run_help(const Arguments& topic) {
  if (topic.empty()) return show_usage();
  const auto* command = find_command(topic[0]);
  if (command != nullptr && topic.size() == 1) return run_command(*command, {}, {"--help"});
  return fail(
      Error::make(ErrorKind::invalid, "no help topic for \"{}\" (see gantry-oci --help)", join(topic, " ")),
      unknown_command);
}

int run(const Arguments& arguments) {
  GlobalFlags flags;
  const auto rest = parse_flags(flags.table(), arguments);
  if (!rest) {
    const auto& error = rest.error();
    return fail(Error::make(error.kind(), "{} (see gantry-oci --help)", error.message()), 1);
  }
  if (flags.version) {
    print_line(version_text());
    return 0;
  }
  if (flags.help || rest->empty()) return show_usage();
  const Arguments words(rest->begin() + 1, rest->end());
  if (rest->front() == "help") return run_help(words);
  if (const auto checked = check(flags); !checked) return fail(checked.error(), 1);
  const auto* command = find_command(rest->front());
  if (command == nullptr) {
    return fail(
        Error::make(ErrorKind::invalid, "unknown command \"{}\" (see gantry-oci --help)", rest->front()),
        unknown_command);
  }
  return run_command(*command, flags.options, words);
}

}  // namespace
}  // namespace gantry::runtime

int main(int argc, char** argv) {
  gantry::runtime::open_stdio();
  ::prctl(PR_SET_NAME, "gantry-oci");
  return gantry::runtime::run(gantry::runtime::Arguments(argv + 1, argv + argc));
}
