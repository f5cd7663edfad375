#include "base/files.h"
#include "runtime/commands.h"
#include "runtime/log.h"
#include "runtime/seal.h"
#include "runtime/version.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace gantry::runtime {
namespace {

constexpr std::string_view usage = R"(usage: gantry-oci [flags] COMMAND [flags] [ID] …

An OCI runtime: makes and runs containers from bundles (a root folder and a config.json).

commands:
  create ID        make a container that waits for start
  start ID         let it run its program
  run ID           create and start, and wait unless --detach
  exec ID PROGRAM  run one more process in a container
  state ID         its state as JSON
  kill ID [SIGNAL] signal its init process (TERM)
  delete ID        remove a stopped container; --force kills it
  pause ID, resume ID
  update ID        change its limits: --resources FILE
  list, ps ID      containers; a container's processes
  spec             write a config.json to start from
  features         what this runtime supports, as JSON
  version

flags:
  --root DIR              where containers' states are (/run/gantry-oci)
  --log FILE              append errors and warnings to FILE
  --log-format text|json
  --cgroup-limits required|best-effort|none
                          a limit this host can't enforce is an error (the default), a warning, or no cgroup is made
  --debug
  --help, --version
)";

struct CommandName {
  std::string_view name;
  Result<int> (*run)(const GlobalOptions&, const Arguments&);
};

constexpr CommandName commands[] = {
    {"create", command_create}, {"run", command_run},           {"start", command_start},
    {"exec", command_exec},     {"state", command_state},       {"kill", command_kill},
    {"delete", command_delete}, {"pause", command_pause},       {"resume", command_resume},
    {"update", command_update}, {"list", command_list},         {"ps", command_ps},
    {"spec", command_spec},     {"features", command_features},
};

struct GlobalFlags {
  GlobalOptions options;
  std::string log_format = "text";
  std::string limits = "required";
  std::string cgroup_manager = "cgroupfs";
  std::string rootless = "auto";
  bool systemd_cgroup = false;
  bool help = false;
  bool version = false;
};

Result<Limits> parse_limits(const std::string& text) {
  if (text == "required") return Limits::required;
  if (text == "best-effort") return Limits::best_effort;
  if (text == "none") return Limits::none;
  return Error::make(ErrorKind::invalid,
                     "--cgroup-limits must be required, best-effort or none, found \"{}\"", text);
}

Result<void> check(GlobalFlags& flags) {
  GlobalOptions& options = flags.options;
  if (flags.log_format != "text" && flags.log_format != "json") {
    return Error::make(ErrorKind::invalid, "unknown log-format \"{}\"", flags.log_format);
  }
  options.log_json = flags.log_format == "json";
  TRY(set_log_target({options.log, options.log_json, options.debug}));
  options.limits = TRY(parse_limits(flags.limits));
  if (flags.systemd_cgroup || flags.cgroup_manager == "systemd") {
    return Error::make(ErrorKind::unsupported, "the systemd cgroup driver is not supported");
  }
  if (flags.cgroup_manager == "disabled") {
    options.limits = Limits::none;
  } else if (flags.cgroup_manager != "cgroupfs") {
    return Error::make(ErrorKind::invalid, "unknown cgroup manager \"{}\"", flags.cgroup_manager);
  }
  if (flags.rootless != "auto" && flags.rootless != "true" && flags.rootless != "false") {
    return Error::make(ErrorKind::invalid, "--rootless must be true, false or auto, found \"{}\"",
                       flags.rootless);
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
  for (int fd = ::open("/dev/null", O_RDWR); fd >= 0; fd = ::open("/dev/null", O_RDWR)) {
    if (fd <= 2) continue;
    ::close(fd);
    return;
  }
}

int run(const Arguments& arguments) {
  GlobalFlags flags;
  const auto rest = parse_flags({{"root", 0, &flags.options.root},
                                 {"log", 0, &flags.options.log},
                                 {"log-format", 0, &flags.log_format},
                                 {"cgroup-limits", 0, &flags.limits},
                                 {"cgroup-manager", 0, &flags.cgroup_manager},
                                 {"rootless", 0, &flags.rootless},
                                 {"systemd-cgroup", 0, nullptr, nullptr, &flags.systemd_cgroup},
                                 {"debug", 0, nullptr, nullptr, &flags.options.debug},
                                 {"help", 'h', nullptr, nullptr, &flags.help},
                                 {"version", 'v', nullptr, nullptr, &flags.version}},
                                arguments);
  if (!rest) return fail(rest.error(), 1);
  if (flags.version || (!rest->empty() && rest->front() == "version")) {
    print_line(version_text());
    return 0;
  }
  if (flags.help || (!rest->empty() && rest->front() == "help")) {
    (void)write_all(BorrowedFd(1), usage);
    return 0;
  }
  if (rest->empty()) {
    (void)write_all(BorrowedFd(2), usage);
    return 1;
  }
  if (const auto checked = check(flags); !checked) return fail(checked.error(), 1);
  const std::string& name = rest->front();
  for (const auto& command : commands) {
    if (command.name != name) continue;
    const bool shows_us = name == "create" || name == "run" || name == "exec";
    if (shows_us && !program_is_sealed()) {
      return fail(Error::make(ErrorKind::denied, "cannot seal this program against changes by a container"),
                  1);
    }
    const auto status = command.run(flags.options, Arguments(rest->begin() + 1, rest->end()));
    return status ? *status : fail(status.error(), name == "exec" ? 255 : 1);
  }
  return fail(Error::make(ErrorKind::invalid, "No help topic for '{}'", name), 3);
}

}  // namespace
}  // namespace gantry::runtime

int main(int argc, char** argv) {
  gantry::runtime::open_stdio();
  ::prctl(PR_SET_NAME, "gantry-oci");
  return gantry::runtime::run(gantry::runtime::Arguments(argv + 1, argv + argc));
}
