#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace gantry::agent {

// Says to all threads that the agent ends, and lets them sleep until then.
class Stopping {
 public:
  void set() {
    const std::lock_guard lock(mutex_);
    set_ = true;
    changed_.notify_all();
  }
  bool is_set() const {
    const std::lock_guard lock(mutex_);
    return set_;
  }
  // True when the agent ends.
  bool wait_for(std::chrono::milliseconds limit) const {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, limit, [this] { return set_; });
  }

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  bool set_ = false;
};

}  // namespace gantry::agent
