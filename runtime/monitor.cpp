#include "runtime/monitor.h"

#include "base/files.h"

#include <csignal>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gantry::runtime {

namespace {

// After the program's end its output is read until every holder of the pipes is gone, but no longer than
// this: a process left in the background may hold them for ever.
constexpr auto drain_limit = std::chrono::seconds(2);

// Docker's for a process whose end nobody saw; status.json has the reason beside it.
constexpr int unknown_exit_code = 255;

TimePoint now() {
  return SystemClock().now();
}

std::string now_text() {
  return format_rfc3339(now());
}

}  // namespace

Monitor::Monitor(MonitorOptions options, MonitorConfig config, EventLoop& loop, Children& children)
    : options_(std::move(options)),
      config_(std::move(config)),
      loop_(loop),
      children_(children),
      commands_(config_, options_.directory),
      log_(config_.log),
      attach_(loop, {.input =
                         [this](std::string_view data) {
                           if (stdio_) stdio_->write_input(data);
                         },
                     .input_ended =
                         [this](bool half_close) {
                           if (stdio_ && (half_close || config_.stdin_once)) stdio_->end_input();
                         },
                     .congestion_changed =
                         [this] {
                           if (stdio_) stdio_->pause_reading(attach_.congested());
                         }}) {}

void Monitor::run() {
  taken_over_ ? go_on() : create();
  loop_.run();
}

Result<void> Monitor::open() {
  status_.monitor_pid = getpid();
  TRY(log_.open());
  sockets_ = TRY(SocketFolder::open(options_.directory));
  auto attach = TRY(sockets_->listen("attach.sock", SOCK_SEQPACKET));
  TRY(attach_.listen(std::move(attach)));
  if (options_.attach) TRY(attach_.add_foreground(std::move(options_.attach)));
  open_control();
  auto control = TRY(sockets_->listen("control.sock", SOCK_SEQPACKET));
  TRY(control_->listen(std::move(control)));
  watch_guard();
  save_status();
  return stash(Keep::descriptors);
}

void Monitor::open_control() {
  control_.emplace(
      loop_,
      ControlServer::Callbacks{
          .stop = [this] { request_stop(); },
          .resize = [this](uint16_t rows, uint16_t columns) { return resize(rows, columns); },
          .reopen_log = [this] { return log_.open(); },
          .upgrade = [this](const std::string& program,
                            UniqueFd connection) { request_upgrade(program, std::move(connection)); }});
  if (config_.health_check) {
    health_.emplace(loop_, children_, commands_, *config_.health_check, options_.directory);
  }
  children_.on_terminate([this] { terminate(); });
}

void Monitor::make_stdio() {
  stdio_ = std::make_unique<ContainerStdio>(
      loop_, ContainerStdio::Callbacks{
                 .output = [this](Stream stream, std::string_view data) { on_output(stream, data); },
                 .ended = [this] { on_output_ended(); },
                 .input_closed = [this] { (void)stash(Keep::descriptors); },
                 .input_full = [this](bool full) { attach_.hold_input(full); }});
}

Result<void> Monitor::open_taken_stdio(const Handover& handover, HandedDescriptors& descriptors) {
  make_stdio();
  return stdio_->take_over(handover, descriptors);
}

Result<void> Monitor::open_stdio() {
  make_stdio();
  if (config_.terminal) return stdio_->open_console(*sockets_);
  return stdio_->open_pipes(config_.open_stdin);
}

void Monitor::create() {
  discards_output_ = !is_exec();  // the runtime of a session says nothing: --log-only
  output_ended_ = false;
  ended_early_.reset();
  run_began_ = std::chrono::steady_clock::now();
  commands_.clear_log();
  auto opened = open_stdio();
  if (!opened) return fail(opened.error().message());
  const auto& console = stdio_->console_path();
  const auto spawned = children_.spawn(
      is_exec() ? commands_.exec_session(console) : commands_.create(console), stdio_->child_input(),
      stdio_->child_output(), stdio_->child_errors(), [this](int status) { on_created(status); });
  stdio_->close_child_ends();
  if (!spawned) fail(spawned.error().message());
}

void Monitor::on_created(int status) {
  if (status != 0) return fail(commands_.last_error(status));
  const auto pid = commands_.container_pid();
  if (!pid) return fail(pid.error().message());
  status_.pid = *pid;
  if (const auto process = identify_process(*pid)) status_.start_time = process->start_time;
  children_.adopt(*pid, [this](int exit_code) { on_ended(exit_code); });
  if (is_exec()) return on_started(0);
  if (auto cgroup = cgroups::Cgroup::of_process(*pid)) cgroup_ = std::move(cgroup).value();
  // What the runtime itself and hooks wrote isn't the container's output.
  stdio_->drain();
  discards_output_ = false;
  start();
}

void Monitor::start() {
  if (status_.stop_requested) return fail("stopped before it was started");
  starting_ = true;
  auto null = open_file("/dev/null", O_RDWR);
  if (!null) return fail(null.error().message());
  const auto spawned =
      children_.spawn(commands_.start(), *null, *null, *null, [this](int status) { on_started(status); });
  if (!spawned) fail(spawned.error().message());
}

void Monitor::on_started(int status) {
  starting_ = false;
  if (status != 0) return fail(commands_.last_error(status));
  status_.state = MonitorState::running;
  status_.started_at = now_text();
  status_.finished_at.clear();
  status_.exit_code = 0;
  status_.oom_killed = false;
  status_.error.clear();
  save_status();
  (void)stash(Keep::descriptors);  // without it a monitor that is killed ends the run
  answer({status_.pid, {}, 0});
  if (ended_early_) return on_ended(*ended_early_);
  if (health_) health_->start();
  upgrade_if_asked();
}

void Monitor::on_ended(int status) {
  if (starting_) {
    ended_early_ = status;
    return;
  }
  if (status_.state != MonitorState::running) return;  // a start that failed: fail() sees to the rest
  end_run(status);
}

void Monitor::on_ended_unseen() {
  status_.error = "its monitor and its guard were killed, so nobody saw how it ended";
  end_run(unknown_exit_code);
}

void Monitor::end_run(int status) {
  if (health_) health_->stop();
  run_lasted_ =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - run_began_);
  status_.exit_code = status;
  status_.finished_at = now_text();
  // Before `delete` takes the cgroup with its counters.
  const auto events = cgroup_ ? cgroup_->events() : Result<cgroups::Events>(cgroups::Events{});
  status_.oom_killed = events && events->oom_kill > 0;
  save_status();  // still "running", but who finds it after a crash of ours knows how it ended
  remove();
}

// Removes the runtime's container, and with it whatever of its processes still hold the pipes.
void Monitor::remove() {
  if (is_exec()) return on_removed();
  auto null = open_file("/dev/null", O_RDWR);
  if (!null) return on_removed();
  const auto spawned =
      children_.spawn(commands_.remove(), *null, *null, *null, [this](int) { on_removed(); });
  if (!spawned) on_removed();
}

void Monitor::on_removed() {
  cgroup_.reset();
  if (output_ended_ || !stdio_ || !stdio_->has_output()) return finish_run();
  timer_ = loop_.after(drain_limit, [this] { finish_run(); });
  removed_ = true;
}

void Monitor::on_output_ended() {
  output_ended_ = true;
  if (removed_) finish_run();
}

void Monitor::fail(const std::string& error) {
  starting_ = false;
  discards_output_ = true;
  run_lasted_ =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - run_began_);
  status_.error = error;
  status_.exit_code = start_failure_code(error);
  status_.finished_at = now_text();
  failed_first_ = !answered_;
  answer({0, error, status_.exit_code});
  remove();
}

void Monitor::finish_run() {
  loop_.cancel(std::exchange(timer_, 0));
  removed_ = false;
  if (stdio_) stdio_->drain();
  stdio_.reset();
  log_.flush(now());
  status_.lost_log_lines = log_.lost_lines();
  status_.pid = 0;
  status_.start_time = 0;
  const EndedRun run{status_.exit_code, run_lasted_, status_.restart_count, status_.stop_requested};
  const bool again = !failed_first_ && should_restart(config_.restart, run);
  status_.state = again ? MonitorState::restarting : MonitorState::exited;
  save_status();
  (void)stash(Keep::descriptors);
  abandoned_ = is_exec() && !failed_first_ && !attach_.has_foreground();
  attach_.close_all([this, again] { again ? restart_after(back_off_.next(run_lasted_)) : loop_.stop(); });
}

void Monitor::restart_after(std::chrono::milliseconds delay) {
  if (status_.stop_requested) return exit_for_good();  // asked for while the clients were being closed
  timer_ = loop_.after(delay, [this] {
    timer_ = 0;
    ++status_.restart_count;
    create();
  });
  upgrade_if_asked();
}

void Monitor::exit_for_good() {
  status_.state = MonitorState::exited;
  save_status();
  loop_.stop();
}

void Monitor::answer(const SyncMessage& message) {
  answered_ = true;
  if (!options_.sync) return;
  (void)write_all(options_.sync, to_json_text(message) + "\n");  // a launcher that died needs no answer
  options_.sync.reset();
}

void Monitor::save_status() {
  const auto path = join_path(options_.directory, "status.json");
  auto text = to_json_text(status_);
  if (write_file(path, text)) return;
  // A full disk has no room for a second file, but the blocks of the first are ours. Spaces cover what it had
  // more: a reader never sees the rest of an older text.
  const auto file = open_file(path, O_WRONLY);
  struct stat info {};
  if (!file || fstat(file->get(), &info) != 0) return;
  text.resize(std::max(text.size(), static_cast<size_t>(info.st_size)), ' ');
  (void)write_all(*file, text);
}

// At the first line that is lost, and each time their number has doubled.
void Monitor::tell_lost_lines() {
  const auto lost = log_.lost_lines();
  if (lost < 2 * status_.lost_log_lines || lost == status_.lost_log_lines) return;
  status_.lost_log_lines = lost;
  save_status();
}

void Monitor::request_stop() {
  status_.stop_requested = true;
  if (status_.state == MonitorState::restarting && timer_ != 0) {
    loop_.cancel(std::exchange(timer_, 0));
    return exit_for_good();
  }
  save_status();
}

// The host is going down, or somebody wants the monitor to go: the container gets the signal, the monitor
// stays until it has ended.
void Monitor::terminate() {
  request_stop();
  if (status_.state == MonitorState::running && status_.pid != 0) ::kill(status_.pid, SIGTERM);
}

Result<void> Monitor::resize(uint16_t rows, uint16_t columns) {
  if (!stdio_) return Error(ErrorKind::conflict, "the container isn't running");
  return stdio_->resize(rows, columns);
}

void Monitor::on_output(Stream stream, std::string_view data) {
  if (discards_output_) return;
  log_.write(stream, data, now());
  tell_lost_lines();
  attach_.send(stream, data);
}

}  // namespace gantry::runtime
