#include "base/files.h"
#include "base/lock.h"
#include "base/text.h"
#include "runtime/monitor.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
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
status on disk, restarts it, checks its health. Goes to the background at once, as two processes: the monitor, and above it a guard
that runs another one if it is killed. The engine starts it; by hand it is of little use.

Options:
      --dir DIR        the container's folder; required
      --sync-fd N      descriptor, 3 or more, that gets one JSON line when the container runs, or can't (default: none)
      --attach-fd N    descriptor of a SOCK_SEQPACKET socket that is attached to the container's stdio from the start
                       (default: none)
  -v, --version        show the version
  -h, --help           show this help

--resume, --guard and --monitor-pid are for its own use.

Exit status: 0 it is in the background (the container's own is in DIR/status.json), 1 an error before that, 2 wrong
options.
)";

constexpr int wrong_options = 2;

struct Arguments {
  std::string directory;
  UniqueFd sync;
  UniqueFd attach;
  std::string resume;     // the link's descriptors, in a monitor that follows another
  std::string guard;      // the same, in a process that becomes a guard
  pid_t monitor_pid = 0;  // its monitor
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

constexpr std::string_view known_flags[] = {"--dir",    "--sync-fd", "--attach-fd",
                                            "--resume", "--guard",   "--monitor-pid"};

Result<void> set(Arguments& arguments, const std::string& flag, const std::string& value) {
  if (value.empty()) return wrong(format("option {} must not be empty", flag));
  if (flag == "--dir") arguments.directory = TRY(absolute_path(value));
  if (flag == "--sync-fd") arguments.sync = TRY(take_fd(flag, value));
  if (flag == "--attach-fd") arguments.attach = TRY(take_fd(flag, value));
  if (flag == "--resume") arguments.resume = value;
  if (flag == "--guard") arguments.guard = value;
  if (flag == "--monitor-pid") {
    arguments.monitor_pid = static_cast<pid_t>(TRY(parse_unsigned("option " + flag, value, INT32_MAX)));
  }
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
    if (std::find(std::begin(known_flags), std::end(known_flags), flag) == std::end(known_flags)) {
      return wrong(format("unknown {} \"{}\"", word.starts_with('-') ? "option" : "argument", word));
    }
    if (equals == std::string::npos && i + 1 == words.size()) {
      return wrong(format("option {} needs a value", flag));
    }
    TRY(set(arguments, flag, equals == std::string::npos ? words[++i] : word.substr(equals + 1)));
  }
  if (arguments.directory.empty()) return wrong("--dir DIR must be given");
  return arguments;
}

Result<FileLock> lock_directory(const std::string& directory) {
  auto lock = TRY(FileLock::try_acquire(join_path(directory, "monitor.lock")));
  if (!lock) return Error::make(ErrorKind::conflict, "{} has a monitor already", directory);
  return std::move(*lock);
}

// Closes what a careless launcher left open above 2, or a pipe's reader would wait for its end for ever.
void close_inherited(const Arguments& arguments) {
  const auto names = list_directory("/proc/self/fd").value_or({});
  for (const auto& name : names) {
    const auto fd = static_cast<int>(parse_unsigned("descriptor", name).value_or(0));
    if (fd > 2 && fd != arguments.sync.get() && fd != arguments.attach.get()) close(fd);
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

int report(int status, const Error& error) {
  const auto text = format("gantry-monitor: {}\n", error.message());
  (void)!write(2, text.data(), text.size());
  return status;
}

Result<std::string> own_program() {
  char path[4096];
  const ssize_t length = readlink("/proc/self/exe", path, sizeof path);
  if (length <= 0) return Error::system(errno, "read /proc/self/exe");
  return std::string(path, static_cast<size_t>(length));
}

Result<MonitorConfig> read_config(const std::string& directory) {
  const auto path = join_path(directory, "monitor.json");
  return parse_monitor_config(TRY(read_file(path)), path);
}

// The container's whole life, or the rest of it.
Result<void> look_after(MonitorOptions options, MonitorConfig config, std::optional<TakenOver> taken) {
  detach_stdio();
  if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) return Error::system(errno, "become a subreaper");
  auto loop = TRY(EventLoop::make());
  auto children = TRY(Children::make(loop));
  TRY(children.start());
  if (!taken) children.protect_from_oom();
  const auto exit_command = config.exit_command;
  const auto directory = options.directory;
  // Kept for what fails before the first run is answered for.
  UniqueFd sync = options.sync ? TRY(duplicate(options.sync)) : UniqueFd();
  auto container = std::make_unique<Monitor>(std::move(options), std::move(config), loop, children);
  TRY(container->listen_to_guard());
  auto opened = taken ? container->take_over(std::move(*taken)) : container->open();
  taken.reset();
  if (!opened) tell(sync, opened.error().message());
  TRY(std::move(opened));
  sync.reset();
  container->run();
  container->dismiss_guard();
  if (container->is_abandoned()) (void)remove_tree(directory);
  children.unprotect_from_oom();
  return become(exit_command);
}

Result<void> resume(const Arguments& arguments) {
  auto link = TRY(GuardLink::inherit(arguments.resume));
  auto stashed = TRY(link.look());
  if (lseek(stashed.text.get(), 0, SEEK_SET) != 0) return Error::system(errno, "read the stash");
  TakenOver taken;
  taken.program = stashed.program;
  const auto text = TRY(read_all(stashed.text));
  taken.handover = TRY(parse_handover(text, "the stash"));
  const auto& names = taken.handover.descriptors;
  if (names.size() != stashed.descriptors.size()) {
    return Error::make(ErrorKind::corrupt, "the stash has {} descriptors for {} names",
                       stashed.descriptors.size(), names.size());
  }
  for (size_t i = 0; i < names.size(); ++i) {
    taken.descriptors.emplace(names[i], std::move(stashed.descriptors[i]));
  }
  auto lock = FileLock::inherit(take(taken.descriptors, "lock"));
  MonitorOptions options{.directory = arguments.directory,
                         .program = TRY(own_program()),
                         .lock = std::move(lock),
                         .link = std::move(link)};
  auto config = TRY(read_config(options.directory));
  return look_after(std::move(options), std::move(config), std::move(taken));
}

// What the guard does nothing with.
void let_go(Arguments& arguments) {
  arguments.sync.reset();
  arguments.attach.reset();
}

int be_guard(GuardLink link, const std::string& directory, pid_t monitor) {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, nullptr);
  return guard_monitor(std::move(link), directory, monitor);
}

// launcher → guard → monitor. The launcher stays until the monitor has read its configuration.
Result<int> launch(Arguments arguments) {
  close_inherited(arguments);
  auto lock = TRY(lock_directory(arguments.directory));
  auto link = TRY(GuardLink::make());
  auto verdict = TRY(Pipe::make());
  const pid_t guard = fork();
  if (guard < 0) return Error::system(errno, "fork");
  if (guard > 0) {
    verdict.write.reset();
    return static_cast<int>(TRY(read_all(verdict.read)).size());
  }
  setsid();
  const pid_t child = fork();
  if (child != 0) {
    let_go(arguments);
    verdict.write.reset();
    detach_stdio();
    _exit(child < 0 ? 1 : be_guard(std::move(link), arguments.directory, child));
  }
  MonitorOptions options{.directory = arguments.directory,
                         .program = TRY(own_program()),
                         .lock = std::move(lock),
                         .link = std::move(link),
                         .sync = std::move(arguments.sync),
                         .attach = std::move(arguments.attach)};
  auto config = read_config(options.directory);
  if (!config) {
    tell(options.sync, config.error().message());
    const int status = report(1, config.error());
    (void)write_all(verdict.write, "1");
    return status;
  }
  verdict = {};
  TRY(look_after(std::move(options), std::move(config).value(), {}));
  return 0;
}

Result<int> run(Arguments arguments) {
  if (!arguments.resume.empty()) {
    TRY(resume(arguments));
    return 0;
  }
  if (arguments.guard.empty()) return launch(std::move(arguments));
  return be_guard(TRY(GuardLink::inherit(arguments.guard)), arguments.directory, arguments.monitor_pid);
}

int main_of(const std::vector<std::string>& words) {
  auto arguments = parse_arguments(words);
  if (!arguments) return report(wrong_options, arguments.error());
  if (arguments->help || arguments->version) {
    std::fputs(arguments->help ? usage : "gantry-monitor " GANTRY_VERSION "\n", stdout);
    return 0;
  }
  const auto done = run(std::move(*arguments));
  return done ? *done : report(1, done.error());
}

}  // namespace
}  // namespace gantry::runtime

int main(int count, char** words) {
  ::unsetenv("NOTIFY_SOCKET");  // of who started us; it would make the runtime wait for its program's word
  return gantry::runtime::main_of({words + 1, words + count});
}
