#include "base/files.h"
#include "base/lock.h"
#include "base/text.h"
#include "runtime/monitor.h"

#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace gantry::runtime {
namespace {

constexpr const char* usage =
    R"(Usage: gantry-monitor --dir DIR [OPTIONS]

Runs the container that DIR/monitor.json describes and stays its parent: owns its stdio, writes its log, keeps its exit
status on disk, restarts it, checks its health. Goes to the background at once. The engine starts it; by hand it is of
little use.

Options:
      --dir DIR        the container's folder; required
      --sync-fd N      descriptor, 3 or more, that gets one JSON line when the container runs, or can't (default: none)
      --attach-fd N    descriptor of a SOCK_SEQPACKET socket that is attached to the container's stdio from the start
                       (default: none)
  -v, --version        show the version
  -h, --help           show this help

Exit status: 0 it is in the background (the container's own is in DIR/status.json), 1 an error before that, 2 wrong
options.
)";

constexpr int wrong_options = 2;

struct Arguments {
  MonitorOptions options;
  bool help = false;
  bool version = false;
};

Error wrong(std::string_view what) {
  return Error::make(ErrorKind::invalid, "{} (see gantry-monitor --help)", what);
}

Result<UniqueFd> take_fd(const std::string& flag, const std::string& text) {
  const auto fd = static_cast<int>(TRY(parse_unsigned("option " + flag, text, 1 << 20)));
  if (fd < 3 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
    return Error::make(ErrorKind::invalid, "option {}: descriptor {} isn't open, or is one of 0 to 2", flag,
                       fd);
  }
  return UniqueFd(fd);
}

Result<void> set(MonitorOptions& options, const std::string& flag, const std::string& value) {
  if (value.empty()) return wrong(format("option {} must not be empty", flag));
  if (flag == "--dir") options.directory = TRY(absolute_path(value));
  if (flag == "--sync-fd") options.sync = TRY(take_fd(flag, value));
  if (flag == "--attach-fd") options.attach = TRY(take_fd(flag, value));
  return {};
}

// "--name value" and "--name=value".
Result<Arguments> parse_arguments(const std::vector<std::string>& words) {
  Arguments arguments;
  for (size_t i = 0; i < words.size(); ++i) {
    const auto& word = words[i];
    arguments.help |= word == "--help" || word == "-h";
    arguments.version |= word == "--version" || word == "-v";
    if (arguments.help || arguments.version) return arguments;
    const size_t equals = word.find('=');
    const std::string flag = word.substr(0, equals);
    if (flag != "--dir" && flag != "--sync-fd" && flag != "--attach-fd") {
      return wrong(format("unknown {} \"{}\"", word.starts_with('-') ? "option" : "argument", word));
    }
    if (equals == std::string::npos && i + 1 == words.size()) {
      return wrong(format("option {} needs a value", flag));
    }
    TRY(set(arguments.options, flag, equals == std::string::npos ? words[++i] : word.substr(equals + 1)));
  }
  if (arguments.options.directory.empty()) return wrong("--dir DIR must be given");
  return arguments;
}

Result<FileLock> lock_directory(const std::string& directory) {
  auto lock = TRY(FileLock::try_acquire(join_path(directory, "monitor.lock")));
  if (!lock) return Error::make(ErrorKind::conflict, "{} has a monitor already", directory);
  return std::move(*lock);
}

// Closes what a careless launcher left open above 2, or a pipe's reader would wait for its end for ever.
void close_inherited(const MonitorOptions& options) {
  const auto names = list_directory("/proc/self/fd").value_or({});
  for (const auto& name : names) {
    const auto fd = static_cast<int>(parse_unsigned("descriptor", name).value_or(0));
    if (fd > 2 && fd != options.sync.get() && fd != options.attach.get()) close(fd);
  }
}

// stdin and stdout of the launcher are let go; its stderr too, unless it is a file, which gets our last
// words.
void detach_stdio() {
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  struct stat info {};
  const bool keeps_errors = fstat(2, &info) == 0 && S_ISREG(info.st_mode);
  for (const int fd : {0, 1, 2}) {
    if (fd != 2 || !keeps_errors) dup2(null, fd);
  }
  if (null > 2) close(null);
}

// In the background: false in the process that was started, which is to leave.
Result<bool> go_to_background() {
  const pid_t first = fork();
  if (first < 0) return Error::system(errno, "fork");
  if (first > 0) return false;
  setsid();
  const pid_t second = fork();
  if (second != 0) _exit(second < 0 ? 1 : 0);
  return true;
}

void tell(UniqueFd& sync, const std::string& error) {
  if (sync) (void)write_all(sync, to_json_text(SyncMessage{0, error, 125}) + "\n");
  sync.reset();
}

// The lock and all else of ours are close-on-exec. Signals that we read from a descriptor are unblocked
// again.
Result<void> become(const std::vector<std::string>& command) {
  if (command.empty()) return {};
  std::vector<char*> words;
  for (const auto& word : command) words.push_back(const_cast<char*>(word.c_str()));  // NOLINT: execv's type
  words.push_back(nullptr);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  std::signal(SIGPIPE, SIG_DFL);
  prctl(PR_SET_CHILD_SUBREAPER, 0);
  execv(words[0], words.data());
  return Error::system(errno, "run {}", command[0]);
}

Result<void> monitor(MonitorOptions options) {
  close_inherited(options);
  const auto path = join_path(options.directory, "monitor.json");
  const auto text = TRY(read_file(path));
  auto config = TRY(parse_monitor_config(text, path));
  const auto lock = TRY(lock_directory(options.directory));
  if (!TRY(go_to_background())) return {};
  detach_stdio();
  if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) return Error::system(errno, "become a subreaper");
  auto loop = TRY(EventLoop::make());
  auto children = TRY(Children::make(loop));
  TRY(children.start());
  children.protect_from_oom();
  const auto exit_command = config.exit_command;
  // Kept for what fails before the first run is answered for.
  UniqueFd sync = options.sync ? TRY(duplicate(options.sync)) : UniqueFd();
  auto container = std::make_unique<Monitor>(std::move(options), std::move(config), loop, children);
  auto opened = container->open();
  if (!opened) tell(sync, opened.error().message());
  TRY(std::move(opened));
  sync.reset();
  container->run();
  children.unprotect_from_oom();
  return become(exit_command);
}

int report(int status, const Error& error) {
  const auto text = format("gantry-monitor: {}\n", error.message());
  (void)!write(2, text.data(), text.size());
  return status;
}

int main_of(const std::vector<std::string>& words) {
  auto arguments = parse_arguments(words);
  if (!arguments) return report(wrong_options, arguments.error());
  if (arguments->help || arguments->version) {
    std::fputs(arguments->help ? usage : "gantry-monitor " GANTRY_VERSION "\n", stdout);
    return 0;
  }
  const auto done = monitor(std::move(arguments->options));
  return done ? 0 : report(1, done.error());
}

}  // namespace
}  // namespace gantry::runtime

int main(int count, char** words) {
  return gantry::runtime::main_of({words + 1, words + count});
}
