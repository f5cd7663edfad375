#include "runtime/monitor_health.h"

#include "base/files.h"

#include <array>
#include <csignal>
#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

namespace gantry::runtime {

namespace {

constexpr size_t kept_probes = 5;
constexpr size_t kept_output = 4096;
// Of 4 KiB each: what a pipe holds. A probe that writes for ever holds up nothing.
constexpr int most_reads = 16;

std::string time_of_probe() {
  return format_rfc3339(SystemClock().now());
}

}  // namespace

void count_probe(const HealthCheck& check, HealthProbe probe, bool in_start_period, HealthStatus& health) {
  if (probe.exit_code == 0) {
    health.status = HealthState::healthy;
    health.failing_streak = 0;
  } else if (!in_start_period || health.status != HealthState::starting) {
    ++health.failing_streak;
    if (health.failing_streak >= check.retries) health.status = HealthState::unhealthy;
  }
  health.log.push_back(std::move(probe));
  if (health.log.size() > kept_probes) health.log.erase(health.log.begin());
}

void HealthChecker::start() {
  health_ = {};
  started_ = std::chrono::steady_clock::now();
  save();
  schedule();
}

void HealthChecker::resume(std::chrono::steady_clock::time_point run_began) {
  const auto path = join_path(directory_, "health.json");
  health_ = {};
  if (const auto text = read_file(path)) health_ = parse_health_status(*text, path).value_or({});
  started_ = run_began;
  schedule();
}

void HealthChecker::stop() {
  loop_.cancel(next_);
  loop_.cancel(limit_);
  if (output_) loop_.forget(output_);
  output_.reset();
  if (pid_ != 0) {
    children_.disown(pid_);
    ::kill(pid_, SIGKILL);  // not reaped yet, so the number is still its own
  }
  pid_ = 0;
}

bool HealthChecker::in_start_period() const {
  return std::chrono::steady_clock::now() - started_ < std::chrono::milliseconds(check_.start_period);
}

void HealthChecker::schedule() {
  const bool early = in_start_period() && health_.status == HealthState::starting;
  const auto interval = early ? std::min(check_.start_interval, check_.interval) : check_.interval;
  next_ = loop_.after(std::chrono::milliseconds(interval), [this] { probe(); });
}

void HealthChecker::probe() {
  current_ = {};
  current_.start = time_of_probe();
  auto pipe = Pipe::make();
  const auto null = open_file("/dev/null", O_RDONLY);
  if (!pipe || !null) return finish(-1);
  const auto arguments = commands_.exec(check_.test);
  const auto spawned =
      children_.spawn(arguments, *null, pipe->write, pipe->write, [this](int status) { on_exec(status); });
  if (!spawned) {
    current_.output = spawned.error().message();
    return finish(-1);
  }
  pid_ = *spawned;
  output_ = std::move(pipe->read);
  fcntl(output_.get(), F_SETFL, O_NONBLOCK);
  (void)loop_.watch(output_, EPOLLIN, [this](uint32_t) { read_output(); });
  limit_ = loop_.after(std::chrono::milliseconds(check_.timeout), [this] { on_timeout(); });
}

// The runtime has ended; the probe goes on, now as our own child.
void HealthChecker::on_exec(int status) {
  pid_ = 0;
  if (status != 0) return finish(status);
  const auto pid = commands_.exec_pid();
  if (!pid) {
    current_.output += pid.error().message();
    return finish(-1);
  }
  pid_ = *pid;
  children_.adopt(pid_, [this](int exit_code) {
    pid_ = 0;
    finish(exit_code);
  });
}

void HealthChecker::on_timeout() {
  if (pid_ != 0) {
    children_.disown(pid_);
    ::kill(pid_, SIGKILL);
    pid_ = 0;
  }
  read_output();
  current_.output = format("health check exceeded its timeout of {} ms{}{}", check_.timeout,
                           current_.output.empty() ? "" : ": ", current_.output);
  finish(-1);
}

// All that is there now. What background children of the probe write later isn't waited for.
void HealthChecker::read_output() {
  std::array<char, 4096> buffer;
  for (int reads = 0; output_ && reads < most_reads; ++reads) {
    const ssize_t length = ::read(output_.get(), buffer.data(), buffer.size());
    if (length < 0) return;
    if (length == 0) {
      loop_.forget(output_);
      output_.reset();
      return;
    }
    const auto room = kept_output - std::min(kept_output, current_.output.size());
    current_.output.append(buffer.data(), std::min(static_cast<size_t>(length), room));
  }
}

void HealthChecker::finish(int exit_code) {
  read_output();
  if (output_) loop_.forget(output_);
  output_.reset();
  loop_.cancel(limit_);
  current_.end = time_of_probe();
  current_.exit_code = exit_code;
  count_probe(check_, std::move(current_), in_start_period(), health_);
  save();
  schedule();
}

void HealthChecker::save() const {
  (void)write_file(join_path(directory_, "health.json"),
                   to_json_text(health_));  // the next probe writes it again
}

}  // namespace gantry::runtime
