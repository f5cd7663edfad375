#pragma once

#include "base/fd.h"

#include <atomic>

namespace gantry::builder {

// Ends a build: its steps look at it, and what they run is killed. From any thread.
class Canceller {
 public:
  static Result<Canceller> make();
  Canceller(Canceller&& other) noexcept;

  void cancel();
  bool cancelled() const { return cancelled_; }
  BorrowedFd fd() const { return event_; }  // readable once it was cancelled

 private:
  explicit Canceller(UniqueFd event) : event_(std::move(event)) {}
  UniqueFd event_;
  std::atomic<bool> cancelled_ = false;
};

}  // namespace gantry::builder
