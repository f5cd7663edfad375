#include "base/json.h"
#include "runtime/monitor_files.h"

namespace gantry::runtime {

namespace {

// Far from what overflows a clock's sum.
constexpr uint64_t longest_time_ms = uint64_t{365} * 24 * 3600 * 1000;

constexpr EnumName<LogDriver> log_driver_names[] = {{LogDriver::json_file, "json-file"},
                                                    {LogDriver::cri, "cri"},
                                                    {LogDriver::journald, "journald"},
                                                    {LogDriver::none, "none"}};
constexpr EnumName<RestartPolicy> restart_policy_names[] = {
    {RestartPolicy::none, "none"},
    {RestartPolicy::always, "always"},
    {RestartPolicy::on_failure, "on-failure"},
    {RestartPolicy::unless_stopped, "unless-stopped"}};
constexpr EnumName<MonitorState> state_names[] = {{MonitorState::created, "created"},
                                                  {MonitorState::running, "running"},
                                                  {MonitorState::restarting, "restarting"},
                                                  {MonitorState::exited, "exited"}};
constexpr EnumName<HealthState> health_names[] = {{HealthState::starting, "starting"},
                                                  {HealthState::healthy, "healthy"},
                                                  {HealthState::unhealthy, "unhealthy"}};

}  // namespace

static std::span<const EnumName<LogDriver>> enum_names(LogDriver) {
  return log_driver_names;
}
static std::span<const EnumName<RestartPolicy>> enum_names(RestartPolicy) {
  return restart_policy_names;
}
static std::span<const EnumName<MonitorState>> enum_names(MonitorState) {
  return state_names;
}
static std::span<const EnumName<HealthState>> enum_names(HealthState) {
  return health_names;
}

template <class Visitor>
void members(Visitor& visit, LogConfig& log) {
  visit.required("driver", log.driver);
  visit("path", log.path);
  visit("maximumSize", log.maximum_size);
  visit("maximumFiles", log.maximum_files);
  visit("fields", log.fields);
  if constexpr (Visitor::reading) {
    const bool is_file = log.driver == LogDriver::json_file || log.driver == LogDriver::cri;
    if (is_file && (log.path.empty() || log.path[0] != '/')) {
      visit.fail(format("a {} log needs an absolute path", enum_name(log.driver)));
    }
    if (log.maximum_files == 0) visit.fail("maximumFiles must be at least 1");
  }
}

template <class Visitor>
void members(Visitor& visit, RestartConfig& restart) {
  visit.required("policy", restart.policy);
  visit("maximumRetries", restart.maximum_retries);
  visit("attemptPeriodSeconds", restart.attempt_period_seconds);
  visit("ignoredExitCodes", restart.ignored_exit_codes);
}

template <class Visitor>
void members(Visitor& visit, HealthCheck& check) {
  visit.required("test", check.test);
  visit("intervalMs", check.interval);
  visit("timeoutMs", check.timeout);
  visit("startPeriodMs", check.start_period);
  visit("startIntervalMs", check.start_interval);
  visit("retries", check.retries);
  if constexpr (Visitor::reading) {
    if (check.test.empty()) visit.fail("test must have at least one argument");
    if (check.interval == 0 || check.timeout == 0 || check.retries == 0 || check.start_interval == 0) {
      visit.fail("intervals, timeout and retries must be above 0");
    }
    for (const auto time : {check.interval, check.timeout, check.start_period, check.start_interval}) {
      if (time > longest_time_ms) visit.fail("times must not be longer than a year");
    }
  }
}

template <class Visitor>
void members(Visitor& visit, MonitorConfig& config) {
  visit.required("id", config.id);
  visit("execProcess", config.exec_process);
  visit.required("runtime", config.runtime);
  visit.required("runtimeRoot", config.runtime_root);
  visit("runtimeArguments", config.runtime_arguments);
  visit.required("bundle", config.bundle);
  visit.required("log", config.log);
  visit("terminal", config.terminal);
  visit("openStdin", config.open_stdin);
  visit("stdinOnce", config.stdin_once);
  visit("restart", config.restart);
  visit("healthCheck", config.health_check);
  visit("exitCommand", config.exit_command);
}

template <class Visitor>
void members(Visitor& visit, MonitorStatus& status) {
  visit.required("state", status.state);
  visit("pid", status.pid);
  visit("startTime", status.start_time);
  visit("monitorPid", status.monitor_pid);
  visit("guardPid", status.guard_pid);
  visit("exitCode", status.exit_code);
  visit("oomKilled", status.oom_killed);
  visit("startedAt", status.started_at);
  visit("finishedAt", status.finished_at);
  visit("restartCount", status.restart_count);
  visit("stopRequested", status.stop_requested);
  visit("lostLogLines", status.lost_log_lines);
  visit("error", status.error);
  if constexpr (Visitor::reading) {
    // kill(2) takes a negative number for a group of processes, or for all.
    if (status.pid < 0 || status.monitor_pid < 0 || status.guard_pid < 0)
      visit.fail("a pid must not be negative");
  }
}

template <class Visitor>
void members(Visitor& visit, HealthProbe& probe) {
  visit("start", probe.start);
  visit("end", probe.end);
  visit("exitCode", probe.exit_code);
  visit("output", probe.output);
}

template <class Visitor>
void members(Visitor& visit, HealthStatus& health) {
  visit.required("status", health.status);
  visit("failingStreak", health.failing_streak);
  visit("log", health.log);
}

template <class Visitor>
void members(Visitor& visit, SyncMessage& message) {
  visit("pid", message.pid);
  visit("error", message.error);
  visit("exitCode", message.exit_code);
}

Result<MonitorConfig> parse_monitor_config(std::string_view text, std::string_view source) {
  return parse_json<MonitorConfig>(text, source);
}
std::string to_json_text(const MonitorConfig& config) {
  return to_json(config, 2);
}
Result<MonitorStatus> parse_monitor_status(std::string_view text, std::string_view source) {
  return parse_json<MonitorStatus>(text, source);
}
std::string to_json_text(const MonitorStatus& status) {
  return to_json(status);
}
Result<HealthStatus> parse_health_status(std::string_view text, std::string_view source) {
  return parse_json<HealthStatus>(text, source);
}
std::string to_json_text(const HealthStatus& status) {
  return to_json(status);
}
Result<SyncMessage> parse_sync_message(std::string_view text, std::string_view source) {
  return parse_json<SyncMessage>(text, source);
}
std::string to_json_text(const SyncMessage& message) {
  return to_json(message);
}
}  // namespace gantry::runtime
