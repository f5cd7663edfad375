#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>

namespace gantry::registry {

// What ECR's rule on the size of layer parts has to know of uploads in progress; a restart forgets it, and
// asks no more of uploads from before. Threads share it.
class EcrUploads {
 public:
  // A part came: were all before it large enough, each at least `least` bytes?
  void add_part(const std::string& id, size_t size, size_t least) {
    const std::lock_guard lock(mutex_);
    const auto last = last_part_.find(id);
    if (last != last_part_.end() && last->second < least) too_small_.insert(id);
    last_part_[id] = size;
  }
  bool had_small_part(const std::string& id) const {
    const std::lock_guard lock(mutex_);
    return too_small_.contains(id);
  }
  void forget(const std::string& id) {
    const std::lock_guard lock(mutex_);
    last_part_.erase(id);
    too_small_.erase(id);
  }

 private:
  mutable std::mutex mutex_;  // guards what follows
  std::map<std::string, size_t> last_part_;
  std::set<std::string> too_small_;
};

}  // namespace gantry::registry
