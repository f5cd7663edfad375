#pragma once

#include "runtime/monitor_files.h"

#include <chrono>
#include <cstdint>

// Whether and when an ended container is run again. Pure functions.
namespace gantry::runtime {

struct EndedRun {
  int exit_code = 0;
  std::chrono::milliseconds duration{0};
  uint32_t restarts_before = 0;
  bool stop_requested = false;
};

bool should_restart(const RestartConfig& config, const EndedRun& run);

// 100 ms, doubled with each short run up to a minute; a run of 10 s or more begins anew, as with docker.
class RestartBackOff {
 public:
  std::chrono::milliseconds next(std::chrono::milliseconds duration);
  std::chrono::milliseconds last() const { return delay_; }
  void resume(std::chrono::milliseconds last) { delay_ = last; }

 private:
  std::chrono::milliseconds delay_{0};
};

}  // namespace gantry::runtime
