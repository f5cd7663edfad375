#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <unordered_map>

namespace gantry::registry {

// What was read of small files that this process alone changes, so that the next reader needs no disk.
// Bounded: a full one is emptied. Threads may share it. A reader takes generation() before it reads the file,
// and keep() takes what it read only if nothing was forgotten since; who changes a file calls forget() once
// the change is made. So no reader is answered with what was there before a change that has ended.
template <class Value>
class ReadCache {
 public:
  explicit ReadCache(size_t most) : most_(most) {}

  std::shared_ptr<const Value> find(const std::string& key) const {
    const std::shared_lock lock(mutex_);
    const auto found = values_.find(key);
    return found == values_.end() ? nullptr : found->second;
  }

  uint64_t generation() const {
    const std::shared_lock lock(mutex_);
    return generation_;
  }

  void keep(const std::string& key, Value value, uint64_t generation) {
    auto kept = std::make_shared<const Value>(std::move(value));
    const std::lock_guard lock(mutex_);
    if (generation != generation_) return;
    if (values_.size() >= most_) values_.clear();
    values_.insert_or_assign(key, std::move(kept));
  }

  void forget(const std::string& key) {
    const std::lock_guard lock(mutex_);
    ++generation_;
    values_.erase(key);
  }

  void forget_all() {
    const std::lock_guard lock(mutex_);
    ++generation_;
    values_.clear();
  }

 private:
  const size_t most_;
  mutable std::shared_mutex mutex_;
  std::unordered_map<std::string, std::shared_ptr<const Value>> values_;
  uint64_t generation_ = 0;
};

}  // namespace gantry::registry
