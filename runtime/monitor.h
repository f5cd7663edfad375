#pragma once

#include "base/fd.h"
#include "base/lock.h"
#include "base/result.h"
#include "cgroups/cgroup.h"
#include "runtime/monitor_attach.h"
#include "runtime/monitor_children.h"
#include "runtime/monitor_control.h"
#include "runtime/monitor_files.h"
#include "runtime/monitor_guard.h"
#include "runtime/monitor_handover.h"
#include "runtime/monitor_health.h"
#include "runtime/monitor_log.h"
#include "runtime/monitor_loop.h"
#include "runtime/monitor_restart.h"
#include "runtime/monitor_runtime.h"
#include "runtime/monitor_socket.h"
#include "runtime/monitor_stdio.h"

#include <memory>
#include <optional>
#include <string>

namespace gantry::runtime {

struct MonitorOptions {
  std::string directory;
  std::string program;  // the monitor's own
  FileLock lock;        // of the directory
  GuardLink link;
  UniqueFd sync;    // may be empty
  UniqueFd attach;  // may be empty
};

// What an earlier monitor of the container left.
struct TakenOver {
  Handover handover;
  HandedDescriptors descriptors;
  std::string program;  // that was to take over: another may have had to
};

// One container's life, through all its runs; or an exec session, which is a single run without `start` and
// `delete`. A run goes create → start → (the program) → ended → delete, each step a method that asks the
// event loop to call the next.
class Monitor {
 public:
  Monitor(MonitorOptions options, MonitorConfig config, EventLoop& loop, Children& children);
  Monitor(const Monitor&) = delete;
  Monitor& operator=(const Monitor&) = delete;

  Result<void> listen_to_guard() { return children_.listen_to(options_.link); }
  // The log, the sockets, the first status.json.
  Result<void> open();
  // The same, of what an earlier monitor of the container left; run() goes on with its run.
  Result<void> take_over(TakenOver taken);
  // Returns when the container has exited for good and that is on disk.
  void run();
  // After run(): an exec session whose launcher doesn't wait for it.
  bool is_abandoned() const { return abandoned_; }
  // Afterwards nobody but this process holds the lock, and nobody runs another monitor.
  void dismiss_guard();

 private:
  bool is_exec() const { return !config_.exec_process.empty(); }
  void open_control();
  void watch_guard();
  void make_stdio();
  Result<void> open_stdio();

  struct UpgradeRequest {
    std::string program;
    UniqueFd connection;
  };

  // How another monitor goes on: monitor_replace.cpp.
  enum class Keep { descriptors, everything };
  Result<void> stash(Keep keep, std::optional<BorrowedFd> answer = {});
  void request_upgrade(const std::string& program, UniqueFd connection);
  void upgrade_if_asked();
  Result<void> become(const std::string& program);
  void on_guard_ended();
  void regain_guard();
  bool is_settled() const;
  void go_on();
  void go_on_running();
  void go_on_restarting();
  Result<void> open_taken_stdio(const Handover& handover, HandedDescriptors& descriptors);
  void watch_stranger();
  void look_at_stranger();

  // The steps of a run.
  void create();
  void on_created(int status);
  void start();
  void on_started(int status);
  void on_ended(int status);
  void on_ended_unseen();
  void end_run(int status);
  void on_output_ended();
  void remove();
  void on_removed();
  void fail(const std::string& error);  // create or start didn't work
  void finish_run();
  void restart_after(std::chrono::milliseconds delay);
  void exit_for_good();

  void answer(const SyncMessage& message);
  void save_status();
  void tell_lost_lines();
  void request_stop();
  void terminate();
  Result<void> resize(uint16_t rows, uint16_t columns);
  void on_output(Stream stream, std::string_view data);

  MonitorOptions options_;
  MonitorConfig config_;
  EventLoop& loop_;
  Children& children_;
  RuntimeCommands commands_;
  std::optional<SocketFolder> sockets_;
  LogWriter log_;
  AttachServer attach_;
  std::optional<ControlServer> control_;
  std::unique_ptr<ContainerStdio> stdio_;
  std::optional<HealthChecker> health_;
  std::optional<cgroups::Cgroup> cgroup_;
  MonitorStatus status_;
  RestartBackOff back_off_;
  EventLoop::TimerId timer_ = 0;  // of the drain, or of the restart
  UniqueFd guard_;                // pidfd; empty: there is none
  UniqueFd stranger_;             // pidfd of a container that is neither our child nor the guard's
  int stranger_looks_ = 0;
  std::optional<UpgradeRequest> upgrade_;  // waits for the end of a step
  bool taken_over_ = false;
  bool discards_output_ = true;  // until create has worked, it is the runtime's own
  bool output_ended_ = false;
  bool removed_ = false;  // `delete` is done, only output is waited for
  bool starting_ = false;
  bool answered_ = false;
  bool abandoned_ = false;
  bool failed_first_ = false;       // the very first start didn't work: no restart policy applies
  std::optional<int> ended_early_;  // the program ended before `start` returned
  std::chrono::steady_clock::time_point run_began_;
  std::chrono::milliseconds run_lasted_{0};
};

}  // namespace gantry::runtime
