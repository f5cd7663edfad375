#include "registry/event_queue.h"

#include "base/files.h"
#include "base/log.h"
#include "base/random.h"
#include "base/text.h"

#include <algorithm>

namespace gantry::registry {
namespace {

constexpr size_t most_in_batch = 10;  // PutEvents' limit
constexpr std::string_view ending = ".json";

bool is_malformed(std::string_view error) {
  return error == "ValidationException" || error == "SerializationException" || error == "MalformedDetail" ||
         error == "InvalidArgument";
}

}  // namespace

Result<std::unique_ptr<EventQueue>> EventQueue::open(const std::string& folder, EventSender sender) {
  std::unique_ptr<EventQueue> queue(new EventQueue(folder, std::move(sender)));
  if (!queue->sender_) return queue;
  TRY(make_directories(folder));
  TRY(queue->load());
  queue->thread_ = std::thread([raw = queue.get()] { raw->deliver(); });
  return queue;
}

EventQueue::~EventQueue() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

Result<void> EventQueue::load() {
  for (const auto& name : TRY(list_directory(folder_))) {
    const auto file = join_path(folder_, name);
    if (!name.ends_with(ending)) {
      TRY(remove_file(file));  // a write that kill -9 cut short
      continue;
    }
    const auto id =
        TRY(parse_unsigned("event", name.substr(0, name.size() - ending.size())).context("{}", file));
    const auto text = TRY(read_file(file));
    auto stored = TRY(api::parse_put_events_request(text, file));
    events_[id] = {std::move(stored.entries[0]), true};
    next_id_ = std::max(next_id_, id + 1);
  }
  return {};
}

std::string EventQueue::path(uint64_t id) const {
  return join_path(folder_, format("{:020}{}", id, ending));
}

Result<uint64_t> EventQueue::add(const api::EventEntry& event) {
  if (!sender_) return uint64_t{0};
  uint64_t id = 0;
  {
    const std::lock_guard lock(mutex_);
    id = next_id_++;
    events_[id] = {event, false};  // holds back those that come after it
  }
  auto written =
      write_file(path(id), api::to_json_text(api::PutEventsRequest{{event}}), 0600, Durability::durable);
  if (written) return id;
  cancel(id);
  return std::move(written).error().context("queue event");
}

void EventQueue::release(uint64_t id) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = events_.find(id);
    if (found != events_.end()) found->second.released = true;
  }
  changed_.notify_all();
}

void EventQueue::cancel(uint64_t id) {
  if (id != 0) forget(id);
  changed_.notify_all();
}

size_t EventQueue::waiting() const {
  const std::lock_guard lock(mutex_);
  return events_.size();
}

void EventQueue::forget(uint64_t id) {
  const auto removed = remove_file(path(id));
  if (!removed) log::error("event file not removed error=\"{}\"", removed.error().message());
  const std::lock_guard lock(mutex_);
  events_.erase(id);
}

// Waits for events that may go; empty when the queue stops.
std::vector<uint64_t> EventQueue::next_batch() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return stopping_ || (!events_.empty() && events_.begin()->second.released); });
  std::vector<uint64_t> ids;
  if (stopping_) return ids;
  for (const auto& [id, event] : events_) {
    if (!event.released || ids.size() == most_in_batch) break;
    ids.push_back(id);
  }
  return ids;
}

void EventQueue::deliver() {
  int failures = 0;
  for (auto ids = next_batch(); !ids.empty(); ids = next_batch()) {
    failures = send(ids) ? 0 : failures + 1;
    if (failures > 0) pause(failures);
  }
}

// True when all were taken (or dropped). Those from the first refused one on are sent again, to keep their
// order.
bool EventQueue::send(const std::vector<uint64_t>& ids) {
  api::PutEventsRequest request;
  {
    const std::lock_guard lock(mutex_);
    for (const auto id : ids) request.entries.push_back(events_.at(id).entry);
  }
  const auto reply = sender_(request);
  if (!reply) {
    const auto& error = reply.error();
    if (ids.size() == 1 && is_malformed(error.name)) {
      log::error("event dropped, its receiver calls it malformed detail='{}' error=\"{}\"",
                 request.entries[0].detail, error.message);
      forget(ids[0]);
      return true;
    }
    if (is_malformed(error.name)) return send({ids[0]});  // find out which
    log::warning("events not delivered, will try again waiting={} error=\"{} {}\"", waiting(), error.name,
                 error.message);
    return false;
  }
  for (size_t i = 0; i < ids.size(); ++i) {
    const auto result = i < reply->entries.size() ? reply->entries[i] : api::PutEventsResultEntry{};
    if (!result.error_code.empty() && !is_malformed(result.error_code)) {
      log::warning("event not taken, will try again error=\"{} {}\"", result.error_code,
                   result.error_message);
      return false;
    }
    if (!result.error_code.empty()) {
      log::error("event dropped, its receiver calls it malformed detail='{}' error=\"{}\"",
                 request.entries[i].detail, result.error_message);
    }
    forget(ids[i]);
  }
  return true;
}

// 0.25 s, doubled by each failure to 16 s, and up to half of it more by chance.
void EventQueue::pause(int failures) {
  const auto base = uint64_t{250} << std::min(failures - 1, 6);
  const std::chrono::milliseconds time(base + random_below(base / 2));
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, time, [this] { return stopping_; });
}

}  // namespace gantry::registry
