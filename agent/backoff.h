#pragma once

#include <chrono>

namespace gantry::agent {

struct BackoffRule {
  std::chrono::milliseconds first{1000};
  std::chrono::milliseconds most{60'000};
  double factor = 2;
  double jitter = 0.2;  // of the wait, up and down
};

// Waits that grow from try to try.
class Backoff {
 public:
  explicit Backoff(BackoffRule rule) : rule_(rule), next_(rule.first) {}
  std::chrono::milliseconds next();
  void reset() { next_ = rule_.first; }

 private:
  BackoffRule rule_;
  std::chrono::milliseconds next_;
};

}  // namespace gantry::agent
