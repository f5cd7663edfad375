#pragma once

#include "api/events.h"
#include "base/result.h"
#include "http/aws_error.h"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace gantry::registry {

// Takes a batch of events to their receiver. An answer at all means that the receiver was reached.
using EventSender = std::function<http::AwsResult<api::PutEventsResponse>(const api::PutEventsRequest&)>;

// Events on their way to the control plane, each a file until the receiver has taken it. Delivered in the
// order of release() by one thread, again and again with growing pauses while the receiver can't be reached
// or refuses them, also after a restart: at least once each. An event that the receiver calls malformed is
// dropped with an error in the log.
class EventQueue {
 public:
  // Takes up what `folder` holds. Without a `sender` nothing is kept: add() does nothing.
  static Result<std::unique_ptr<EventQueue>> open(const std::string& folder, EventSender sender);
  ~EventQueue();  // stops; what isn't delivered stays in the folder
  EventQueue(const EventQueue&) = delete;
  EventQueue& operator=(const EventQueue&) = delete;

  // Makes the event durable, but doesn't deliver it before release(). kill -9 in between delivers it at the
  // next start.
  Result<uint64_t> add(const api::EventEntry& event);
  void release(uint64_t id);
  void cancel(uint64_t id);  // what the event tells of didn't happen

  size_t waiting() const;  // added and not yet delivered

 private:
  EventQueue(std::string folder, EventSender sender)
      : folder_(std::move(folder)), sender_(std::move(sender)) {}
  Result<void> load();
  std::string path(uint64_t id) const;
  void deliver();
  std::vector<uint64_t> next_batch();
  bool send(const std::vector<uint64_t>& ids);
  void forget(uint64_t id);
  void pause(int failures);

  struct Event {
    api::EventEntry entry;
    bool released = false;
  };

  std::string folder_;
  EventSender sender_;
  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::map<uint64_t, Event> events_;
  uint64_t next_id_ = 1;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace gantry::registry
