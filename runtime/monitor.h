#pragma once

#include "base/fd.h"
#include "base/lock.h"
#include "base/result.h"
#include "cgroups/cgroup.h"
#include "runtime/monitor_attach.h"
#include "runtime/monitor_children.h"
#include "runtime/monitor_control.h"
#include "runtime/monitor_files.h"
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
  UniqueFd sync;    // may be empty
  UniqueFd attach;  // may be empty
};

// One container's life, through all its runs. A run goes create → start → (the program) → ended → delete,
// each step a method that asks the event loop to call the next.
class Monitor {
 public:
  Monitor(MonitorOptions options, MonitorConfig config, EventLoop& loop, Children& children);
  Monitor(const Monitor&) = delete;
  Monitor& operator=(const Monitor&) = delete;

  // The log, the sockets, the first status.json.
  Result<void> open();
  // Returns when the container has exited for good and that is on disk.
  void run();

 private:
  Result<void> open_stdio();

  // The steps of a run.
  void create();
  void on_created(int status);
  void start();
  void on_started(int status);
  void on_ended(int status);
  void on_output_ended();
  void remove();
  void on_removed();
  void fail(const std::string& error);  // create or start didn't work
  void finish_run();
  void restart_after(std::chrono::milliseconds delay);
  void exit_for_good();

  void answer(const SyncMessage& message);
  void save_status();
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
  bool discards_output_ = true;   // until create has worked, it is the runtime's own
  bool output_ended_ = false;
  bool removed_ = false;  // `delete` is done, only output is waited for
  bool starting_ = false;
  bool answered_ = false;
  bool failed_first_ = false;       // the very first start didn't work: no restart policy applies
  std::optional<int> ended_early_;  // the program ended before `start` returned
  std::chrono::steady_clock::time_point run_began_;
  std::chrono::milliseconds run_lasted_{0};
};

}  // namespace gantry::runtime
