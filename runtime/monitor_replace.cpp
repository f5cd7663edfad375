#include "base/files.h"
#include "base/process.h"
#include "base/text.h"
#include "runtime/monitor.h"
#include "runtime/monitor_client.h"

#include <algorithm>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// How a monitor leaves what it has, and how the next one goes on with it: after this one was replaced by a
// newer version of itself, and after it was killed.
namespace gantry::runtime {

namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

// How often, 50 ms apart, a container that init reaps is looked at before its end counts as unseen.
constexpr int most_stranger_looks = 200;

bool is_our_child(pid_t pid) {
  siginfo_t info{};
  return waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

UniqueFd pidfd_of(pid_t pid) {
  return UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
}

std::chrono::steady_clock::time_point steady_time(int64_t nanoseconds_since_boot) {
  return std::chrono::steady_clock::time_point(nanoseconds(nanoseconds_since_boot));
}

}  // namespace

// ---- what is left ----

Result<void> Monitor::stash(Keep keep, std::optional<BorrowedFd> answer) {
  Handover handover;
  std::vector<BorrowedFd> descriptors;
  const auto add = [&](const char* name, BorrowedFd fd) {
    handover.descriptors.emplace_back(name);
    descriptors.push_back(fd);
  };
  add("lock", options_.lock.descriptor());
  add("attach", attach_.listener());
  add("control", control_->listener());
  if (stdio_ && status_.state == MonitorState::running) stdio_->hand_over(handover, descriptors);
  handover.oom_score = children_.oom_score();
  handover.run_began_ns = nanoseconds(run_began_.time_since_epoch()).count();
  handover.back_off_ms = static_cast<uint64_t>(back_off_.last().count());
  handover.lost_log_lines = log_.lost_lines();
  if (keep == Keep::descriptors) {
    handover.pending_input.clear();
    return options_.link.stash(options_.program, to_json_text(handover), descriptors);
  }
  const auto progress = log_.progress();
  handover.begun_output = base64_encode(progress.begun[0]);
  handover.begun_errors = base64_encode(progress.begun[1]);
  attach_.hand_over(handover, descriptors);
  if (answer) add("answer", *answer);
  return options_.link.stash(options_.program, to_json_text(handover), descriptors);
}

// ---- replaced by a newer version ----

// Between two steps of a run: no child of ours but the container is waited for.
bool Monitor::is_settled() const {
  if (status_.state == MonitorState::restarting) return timer_ != 0;
  return status_.state == MonitorState::running && status_.finished_at.empty() && !starting_;
}

void Monitor::request_upgrade(const std::string& program, UniqueFd connection) {
  upgrade_ = UpgradeRequest{program, std::move(connection)};
  upgrade_if_asked();
}

void Monitor::upgrade_if_asked() {
  if (!upgrade_ || !is_settled()) return;
  const auto asked = *std::exchange(upgrade_, {});
  if (health_) health_->stop();
  auto before = std::exchange(options_.program, asked.program);
  auto done = stash(Keep::everything, asked.connection);
  if (done) done = become(asked.program);
  options_.program = std::move(before);  // it didn't work: on as before
  (void)stash(Keep::descriptors);
  if (health_ && status_.state == MonitorState::running) health_->resume(run_began_);
  control_->answer(asked.connection, done);
}

// Returns only when it can't.
Result<void> Monitor::become(const std::string& program) {
  const auto numbers = TRY(options_.link.keep_over_exec());
  execl(program.c_str(), program.c_str(), "--dir", options_.directory.c_str(), "--resume", numbers.c_str(),
        nullptr);
  const int error = errno;
  options_.link.close_on_exec();
  return Error::system(error, "run {}", program);
}

// ---- the guard is gone ----

void Monitor::watch_guard() {
  status_.guard_pid = getppid();
  guard_ = pidfd_of(status_.guard_pid);
  if (getppid() != status_.guard_pid) guard_.reset();
  if (guard_) (void)loop_.watch(guard_, EPOLLIN, [this](uint32_t) { on_guard_ended(); });
}

void Monitor::on_guard_ended() {
  loop_.forget(guard_);
  guard_.reset();
  status_.guard_pid = 0;
  children_.read_link();  // its last words
  regain_guard();
}

void Monitor::dismiss_guard() {
  if (guard_ && ::kill(status_.guard_pid, SIGKILL) == 0) {
    pollfd ended{guard_.get(), POLLIN, 0};
    (void)poll(&ended, 1, 5000);
  }
  options_.link.close();
}

// This process becomes the guard, since it is the container's parent; its child goes on as the monitor.
void Monitor::regain_guard() {
  if (!is_settled()) {
    (void)loop_.after(milliseconds(100), [this] { regain_guard(); });
    return;
  }
  if (health_) health_->stop();
  const auto numbers = options_.link.keep_over_exec();
  const bool left = numbers && stash(Keep::everything);
  const pid_t child = left ? fork() : -1;
  if (child == 0) {
    execl(options_.program.c_str(), options_.program.c_str(), "--dir", options_.directory.c_str(), "--resume",
          numbers->c_str(), nullptr);
    std::raise(SIGKILL);  // the guard tries again
  }
  if (child > 0) {
    const auto number = format("{}", child);
    execl(options_.program.c_str(), options_.program.c_str(), "--dir", options_.directory.c_str(), "--guard",
          numbers->c_str(), "--monitor-pid", number.c_str(), nullptr);
    ::kill(child, SIGKILL);  // then there are no two
  }
  options_.link.close_on_exec();
  (void)stash(Keep::descriptors);
  if (health_ && status_.state == MonitorState::running) health_->resume(run_began_);
}

// ---- the next one goes on ----

Result<void> Monitor::take_over(TakenOver taken) {
  taken_over_ = true;
  answered_ = true;
  const auto& handover = taken.handover;
  auto& descriptors = taken.descriptors;
  status_ = TRY(read_monitor_status(options_.directory));
  status_.monitor_pid = getpid();
  children_.resume_oom_score(handover.oom_score);
  run_began_ = steady_time(handover.run_began_ns);
  back_off_.resume(milliseconds(handover.back_off_ms));
  (void)log_.open();  // whatever becomes of the log, the container stays known
  log_.resume(
      {{base64_decode(handover.begun_output).value_or(""), base64_decode(handover.begun_errors).value_or("")},
       std::max(handover.lost_log_lines, status_.lost_log_lines)});
  sockets_ = TRY(SocketFolder::open(options_.directory));
  TRY(attach_.listen(take(descriptors, "attach")));
  open_control();
  TRY(control_->listen(take(descriptors, "control")));
  if (status_.state == MonitorState::running) {
    TRY(open_taken_stdio(handover, descriptors));
    discards_output_ = false;
  }
  for (const auto& client : handover.clients) attach_.take_over(client, take(descriptors, "client"));
  watch_guard();
  save_status();
  TRY(stash(Keep::descriptors));
  if (auto answer = take(descriptors, "answer")) {
    const bool as_asked = taken.program == options_.program;
    const auto failed =
        Error::make(ErrorKind::conflict, "{} doesn't work, {} goes on", taken.program, options_.program);
    control_->take_over_answered(std::move(answer), as_asked ? Result<void>() : Result<void>(failed));
  }
  return {};
}

void Monitor::go_on() {
  switch (status_.state) {
    case MonitorState::created:
      answered_ = false;
      return fail("its monitor was killed while it was being started");
    case MonitorState::running:
      if (status_.finished_at.empty()) return go_on_running();
      run_lasted_ = std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - run_began_);
      remove();
      break;
    case MonitorState::restarting:
      // What was begun of the next run, if anything, is taken back.
      go_on_restarting();
      break;
    case MonitorState::exited:
      (void)loop_.after(milliseconds(0), [this] { exit_for_good(); });
      break;
  }
}

void Monitor::go_on_running() {
  if (auto cgroup = cgroups::Cgroup::of_process(status_.pid); cgroup && !is_exec()) {
    cgroup_ = std::move(cgroup).value();
  }
  children_.adopt(status_.pid, [this](int status) { on_ended(status); });
  if (!is_our_child(status_.pid)) watch_stranger();
  children_.read_link();
  children_.reap();
  if (health_ && status_.finished_at.empty()) health_->resume(run_began_);
}

void Monitor::go_on_restarting() {
  auto null = open_file("/dev/null", O_RDWR);
  const auto again = [this](int) { restart_after(back_off_.next(milliseconds(0))); };
  if (!null || !children_.spawn(commands_.remove(), *null, *null, *null, again)) again(0);
}

// ---- a container that isn't our child ----

// The guard tells its end. Where the guard is gone, too, the kernel may: while nobody has reaped it, and from
// Linux 6.15 on also after that.
void Monitor::watch_stranger() {
  auto process = open_process(status_.process());
  if (process) stranger_ = std::move(process).value();
  if (!stranger_) return look_at_stranger();
  (void)loop_.watch(stranger_, EPOLLIN, [this](uint32_t) {
    loop_.forget(stranger_);
    look_at_stranger();
  });
}

void Monitor::look_at_stranger() {
  children_.read_link();
  if (!children_.waits_for(status_.pid)) return;
  auto status = unreaped_wait_status(status_.process());
  if (!status && stranger_) status = exit_status_by_pidfd(stranger_);
  const pid_t pid = status_.pid;
  if (status) {
    children_.disown(pid);
    return on_ended(WIFSIGNALED(*status) ? 128 + WTERMSIG(*status) : WEXITSTATUS(*status));
  }
  if (++stranger_looks_ < most_stranger_looks) {
    (void)loop_.after(milliseconds(50), [this] { look_at_stranger(); });
    return;
  }
  children_.disown(pid);
  on_ended_unseen();
}

}  // namespace gantry::runtime
