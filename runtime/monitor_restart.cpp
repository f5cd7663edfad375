#include "runtime/monitor_restart.h"

#include <algorithm>

namespace gantry::runtime {

bool should_restart(const RestartConfig& config, const EndedRun& run) {
  if (run.stop_requested) return false;
  const auto& ignored = config.ignored_exit_codes;
  if (std::find(ignored.begin(), ignored.end(), run.exit_code) != ignored.end()) return false;
  if (run.duration < std::chrono::seconds(config.attempt_period_seconds)) return false;
  switch (config.policy) {
    case RestartPolicy::none:
      return false;
    case RestartPolicy::always:
    case RestartPolicy::unless_stopped:
      return true;
    case RestartPolicy::on_failure:
      return run.exit_code != 0 &&
             (config.maximum_retries == 0 || run.restarts_before < config.maximum_retries);
  }
  return false;
}

std::chrono::milliseconds RestartBackOff::next(std::chrono::milliseconds duration) {
  using std::chrono::milliseconds;
  if (duration >= std::chrono::seconds(10)) delay_ = milliseconds(0);
  delay_ = delay_.count() == 0 ? milliseconds(100) : std::min(delay_ * 2, milliseconds(60'000));
  return delay_;
}

}  // namespace gantry::runtime
