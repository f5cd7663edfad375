#pragma once

#include "base/fd.h"
#include "base/result.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>

namespace gantry::runtime {

// The monitor's one thread: descriptors and timers. epoll(7). Handlers may watch, forget and set timers, also
// for themselves.
class EventLoop {
 public:
  using Handler = std::function<void(uint32_t events)>;
  using Task = std::function<void()>;
  using TimerId = uint64_t;

  static Result<EventLoop> make();

  // `events` as for epoll_ctl(2), level-triggered. The descriptor must be forgotten before it is closed.
  Result<void> watch(BorrowedFd fd, uint32_t events, Handler handler);
  void change(BorrowedFd fd, uint32_t events);
  void forget(BorrowedFd fd);

  TimerId after(std::chrono::milliseconds delay, Task task);
  void cancel(TimerId timer);  // one that has run, or 0: fine

  void run();  // until stop()
  void stop() { running_ = false; }

 private:
  struct Watch {
    uint64_t token;
    std::shared_ptr<Handler> handler;
  };
  struct Timer {
    TimerId id;
    Task task;
  };
  using Clock = std::chrono::steady_clock;

  explicit EventLoop(UniqueFd epoll) : epoll_(std::move(epoll)) {}
  void dispatch(uint64_t token, uint32_t events);
  void run_due_timers();
  int wait_limit() const;

  UniqueFd epoll_;
  std::map<int, Watch> watches_;      // by descriptor
  std::map<uint64_t, int> by_token_;  // an event of a descriptor closed meanwhile finds nothing here
  std::multimap<Clock::time_point, Timer> timers_;
  uint64_t next_ = 1;
  bool running_ = false;
};

}  // namespace gantry::runtime
