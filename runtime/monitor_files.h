#pragma once

#include "base/process.h"
#include "base/result.h"
#include "base/time.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// The files by which the engine and gantry-monitor talk: all in the container's folder, all written
// atomically.
//
//   monitor.json   engine → monitor    MonitorConfig, before the monitor is run
//   monitor.lock   monitor             flock held while the monitor lives (monitor_is_alive)
//   status.json    monitor → engine    MonitorStatus, on disk before anyone is told of a change
//   health.json    monitor → engine    HealthStatus, when there is a health check
//   attach.sock    monitor             SOCK_SEQPACKET; see below
//   control.sock   monitor             SOCK_SEQPACKET; one request a packet, one answer a packet: "ok" or
//                                      "error: TEXT". Requests: "stop" (no restart will follow; a wait
//                                      between restarts ends; doesn't signal the container), "resize ROWS
//                                      COLUMNS", "reopen-log", "upgrade PATH" (the monitor becomes the
//                                      program at PATH, which goes on with all that this one has)
//   runtime.log, pid, exec.pid         the monitor's own, for the runtime's --log and --pid-file
//
// The command line: gantry-monitor --dir DIR [--sync-fd N] [--attach-fd N]
//   --sync-fd    gets one line when the container runs, or can't: a SyncMessage. Then it is closed. The
//   monitor
//                is in the background (own session, child of init) by then.
//   --attach-fd  a connected SOCK_SEQPACKET socket that is an attached client from the very start, so that no
//                output is missed: for a foreground `run`. Unlike the others this client slows the container
//                down when it reads slowly, as a pipe would, for as long as it stays connected.
//
// Attached clients: each packet to a client starts with one byte, 2 for stdout or 3 for stderr (with a
// terminal all is stdout), then at most 8192 bytes of output. What a client sends is the container's stdin,
// if the configuration has open_stdin; half-closing (shutdown(SHUT_WR)) ends it. A client that reads so
// slowly that more than 4 MiB wait for it is dropped. When the container's run ends, its last output is sent,
// status.json is written, and then the clients are closed: who sees end-of-file finds the exit status on
// disk.
//
// An exec session has a folder of its own with the same files and sockets; "the container" is then its
// process.
//
// The runtime's container is deleted (RUNTIME delete --force ID) by the monitor after each run, before the
// state says exited or restarting; the bundle and the network namespace are the engine's.
namespace gantry::runtime {

enum class LogDriver {
  json_file,  // docker's: a JSON object a line
  cri,        // Kubernetes': TIME STREAM P|F TEXT
  journald,
  none,
};

struct LogConfig {
  LogDriver driver = LogDriver::json_file;
  std::string path;           // absolute. Older files are PATH.1, PATH.2, …; journald: its socket, or empty
  uint64_t maximum_size = 0;  // bytes after which a new file is begun; 0: no limit
  uint32_t maximum_files = 1;                 // the current one included; at least 1
  std::map<std::string, std::string> fields;  // journald only, with each record: CONTAINER_NAME, …
};

enum class RestartPolicy { none, always, on_failure, unless_stopped };

struct RestartConfig {
  RestartPolicy policy = RestartPolicy::none;
  uint32_t maximum_retries = 0;         // on_failure only; 0: no limit
  uint32_t attempt_period_seconds = 0;  // ECS restartAttemptPeriod: a run shorter than this isn't restarted
  std::vector<int32_t> ignored_exit_codes;  // ECS restartPolicy.ignoredExitCodes: not restarted after these
};

// As docker's HEALTHCHECK. Times in milliseconds.
struct HealthCheck {
  std::vector<std::string> test;  // the command's arguments: a CMD-SHELL is {"/bin/sh", "-c", TEXT} here
  uint64_t interval = 30'000;
  uint64_t timeout = 30'000;
  uint64_t start_period = 0;        // failures in it don't count, until a first success
  uint64_t start_interval = 5'000;  // the interval in the start period
  uint32_t retries = 3;             // consecutive failures that make it unhealthy
};

struct MonitorConfig {
  std::string id;
  // Not empty: an exec session. The monitor looks after one more process of the running container `id`, made
  // from this process file (absolute); the container itself it neither makes nor deletes. A session whose
  // launcher is gone when it ends removes its folder.
  std::string exec_process;
  std::string runtime;       // path of gantry-oci
  std::string runtime_root;  // its --root
  std::vector<std::string>
      runtime_arguments;  // further global arguments, such as {"--cgroup-limits", "best-effort"}
  std::string bundle;     // absolute
  LogConfig log;
  bool terminal = false;    // config.json has process.terminal
  bool open_stdin = false;  // else stdin is /dev/null
  bool stdin_once = false;  // stdin ends when the first client that sent to it goes away
  RestartConfig restart;
  std::optional<HealthCheck> health_check;
  // What the monitor becomes (execve) once the container has exited for good and its lock is free: the
  // engine's clean-up, so that published ports don't stay taken until somebody looks. Empty: nothing.
  std::vector<std::string> exit_command;
};

enum class MonitorState {
  created,  // the monitor has begun, the container's program hasn't
  running,
  restarting,  // between two runs; exit_code and the like are those of the last
  exited,      // for good
};

struct MonitorStatus {
  MonitorState state = MonitorState::created;
  int32_t pid = 0;          // of the container's init as the host sees it; 0 unless running
  uint64_t start_time = 0;  // its start time: base/process.h ProcessIdentity
  int32_t monitor_pid = 0;
  int32_t guard_pid = 0;  // of the process that runs another monitor if this one is killed
  int32_t exit_code =
      0;  // 128 + n when signal n ended it; 125, 126, 127 when it couldn't start, as docker has it
  bool oom_killed = false;  // the OOM killer killed a process of the container during the last run
  std::string started_at;   // RFC 3339; empty: not yet
  std::string finished_at;  // of the last run
  uint32_t restart_count = 0;
  bool stop_requested = false;  // somebody asked for the stop: `unless-stopped` doesn't start it at boot
  uint64_t lost_log_lines = 0;  // the log's disk was full or failed, or journald took nothing
  std::string error;            // why it couldn't start

  ProcessIdentity process() const { return {pid, start_time}; }
};

enum class HealthState { starting, healthy, unhealthy };

struct HealthProbe {
  std::string start;  // RFC 3339
  std::string end;
  int32_t exit_code = 0;  // -1: timed out, or couldn't be run
  std::string output;     // at most 4096 bytes
};

struct HealthStatus {
  HealthState status = HealthState::starting;
  uint32_t failing_streak = 0;
  std::vector<HealthProbe> log;  // the last 5, oldest first
};

// What the sync fd gets.
struct SyncMessage {
  int32_t pid = 0;    // > 0: it runs
  std::string error;  // else why not
  int32_t exit_code =
      0;  // and docker's code for it: 125 (the runtime failed), 126 (not executable), 127 (not found)
};

Result<MonitorConfig> parse_monitor_config(std::string_view text, std::string_view source);
std::string to_json_text(const MonitorConfig& config);
Result<MonitorStatus> parse_monitor_status(std::string_view text, std::string_view source);
std::string to_json_text(const MonitorStatus& status);
Result<HealthStatus> parse_health_status(std::string_view text, std::string_view source);
std::string to_json_text(const HealthStatus& status);
Result<SyncMessage> parse_sync_message(std::string_view text, std::string_view source);
std::string to_json_text(const SyncMessage& message);

// One line of a log.
struct LogEntry {
  std::string log;     // without "\n" at its end: a part of a longer line
  std::string stream;  // stdout or stderr
  std::string time;
};
// {"log":"hello\n","stream":"stdout","time":"2026-…Z"}
Result<LogEntry> parse_log_entry(std::string_view line, std::string_view source);
// 2026-11-24T11:01:05.123456789Z stdout F hello
Result<LogEntry> parse_cri_log_entry(std::string_view line, std::string_view source);

}  // namespace gantry::runtime
