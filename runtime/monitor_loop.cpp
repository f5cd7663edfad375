#include "runtime/monitor_loop.h"

#include <algorithm>
#include <array>
#include <sys/epoll.h>

namespace gantry::runtime {

Result<EventLoop> EventLoop::make() {
  UniqueFd epoll(epoll_create1(EPOLL_CLOEXEC));
  const int error = errno;
  if (!epoll) return Error::system(error, "make an epoll descriptor");
  return EventLoop(std::move(epoll));
}

Result<void> EventLoop::watch(BorrowedFd fd, uint32_t events, Handler handler) {
  const uint64_t token = next_++;  // epoll_event is packed on x86-64: no reference may bind to its members
  epoll_event event{};
  event.events = events;
  event.data.u64 = token;
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd.get(), &event) != 0) {
    return Error::system(errno, "watch descriptor {}", fd.get());
  }
  watches_[fd.get()] = {token, std::make_shared<Handler>(std::move(handler))};
  by_token_[token] = fd.get();
  return {};
}

void EventLoop::change(BorrowedFd fd, uint32_t events) {
  const auto found = watches_.find(fd.get());
  if (found == watches_.end()) return;
  epoll_event event{};
  event.events = events;
  event.data.u64 = found->second.token;
  epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd.get(), &event);
}

void EventLoop::forget(BorrowedFd fd) {
  const auto found = watches_.find(fd.get());
  if (found == watches_.end()) return;
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd.get(), nullptr);
  by_token_.erase(found->second.token);
  watches_.erase(found);
}

EventLoop::TimerId EventLoop::after(std::chrono::milliseconds delay, Task task) {
  const auto id = next_++;
  constexpr auto longest = std::chrono::hours(24 * 365);  // the clock's sums have 64 bits
  timers_.emplace(Clock::now() + std::min<std::chrono::milliseconds>(delay, longest),
                  Timer{id, std::move(task)});
  return id;
}

void EventLoop::cancel(TimerId timer) {
  const auto found = std::find_if(timers_.begin(), timers_.end(),
                                  [&](const auto& entry) { return entry.second.id == timer; });
  if (found != timers_.end()) timers_.erase(found);
}

void EventLoop::dispatch(uint64_t token, uint32_t events) {
  const auto found = by_token_.find(token);
  if (found == by_token_.end()) return;
  const auto handler = watches_.at(found->second).handler;  // kept alive: it may forget itself
  (*handler)(events);
}

void EventLoop::run_due_timers() {
  while (running_ && !timers_.empty() && timers_.begin()->first <= Clock::now()) {
    auto task = std::move(timers_.begin()->second.task);
    timers_.erase(timers_.begin());
    task();
  }
}

int EventLoop::wait_limit() const {
  if (timers_.empty()) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(timers_.begin()->first - Clock::now());
  return static_cast<int>(std::clamp<int64_t>(left.count(), 0, 3'600'000));
}

void EventLoop::run() {
  running_ = true;
  std::array<epoll_event, 32> events;
  while (running_) {
    const int count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), wait_limit());
    for (int i = 0; i < count && running_; ++i) dispatch(events[i].data.u64, events[i].events);
    run_due_timers();
  }
}

}  // namespace gantry::runtime
