#pragma once

#include "base/time.h"
#include "runtime/monitor_children.h"
#include "runtime/monitor_files.h"
#include "runtime/monitor_loop.h"
#include "runtime/monitor_runtime.h"

#include <string>

namespace gantry::runtime {

// What a probe's result makes of the health: docker's rules. Failures in the start period don't count before
// the first success; `retries` failures in a row make unhealthy; one success makes healthy.
void count_probe(const HealthCheck& check, HealthProbe probe, bool in_start_period, HealthStatus& health);

// Runs the health check of a running container by the runtime's exec, and keeps health.json.
class HealthChecker {
 public:
  HealthChecker(EventLoop& loop, Children& children, const RuntimeCommands& commands,
                const HealthCheck& check, std::string directory)
      : loop_(loop),
        children_(children),
        commands_(commands),
        check_(check),
        directory_(std::move(directory)) {}
  HealthChecker(const HealthChecker&) = delete;
  HealthChecker& operator=(const HealthChecker&) = delete;
  ~HealthChecker() { stop(); }

  void start();  // of a run
  // Of a run that another monitor had begun: the health is what it left in health.json, a check that was
  // under way is made anew.
  void resume(std::chrono::steady_clock::time_point run_began);
  void stop();

 private:
  void schedule();
  void probe();
  void on_exec(int status);
  void on_timeout();
  void read_output();
  void finish(int exit_code);
  bool in_start_period() const;
  void save() const;

  EventLoop& loop_;
  Children& children_;
  const RuntimeCommands& commands_;
  const HealthCheck& check_;
  std::string directory_;
  HealthStatus health_;
  HealthProbe current_;
  UniqueFd output_;
  pid_t pid_ = 0;  // of the runtime, then of the probe; 0: none is on
  EventLoop::TimerId next_ = 0;
  EventLoop::TimerId limit_ = 0;
  std::chrono::steady_clock::time_point started_;
};

}  // namespace gantry::runtime
