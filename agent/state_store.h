#pragma once

#include "agent/task.h"
#include "base/lock.h"
#include "base/result.h"
#include "base/time.h"

#include <optional>
#include <string>
#include <vector>

namespace gantry::agent {

// What the agent must know after a crash, besides its tasks.
struct InstanceState {
  std::string cluster;
  std::string container_instance_arn;
  int64_t sequence = 0;  // the highest of payloads' seqNum and manifests' timeline
};

// An image that this agent brought to the host.
struct TrackedImage {
  std::string id;                  // the store's
  std::vector<std::string> names;  // references in normal form, by which tasks want it
  TimePoint pulled_at;
  TimePoint last_used_at;
};

// DATA/instance.json, DATA/images.json and DATA/tasks/ID.json; written durably, by rename. One process at a
// time (DATA/lock). Each task has one writer, its worker; the instance's file has the store's own mutex
// around it.
class StateStore {
 public:
  // Errors: conflict when another agent uses the folder.
  static Result<StateStore> open(const std::string& directory);

  Result<InstanceState> load_instance() const;  // empty members when there is none yet
  Result<void> save_instance(const InstanceState& state) const;

  Result<std::vector<TrackedImage>> load_images() const;
  Result<void> save_images(const std::vector<TrackedImage>& images) const;

  // A file that can't be understood is logged and set aside as NAME.unreadable.
  Result<std::vector<Task>> load_tasks() const;
  Result<void> save_task(const Task& task) const;
  Result<void> remove_task(const Task& task) const;

 private:
  StateStore(std::string directory, FileLock lock)
      : directory_(std::move(directory)), lock_(std::move(lock)) {}
  std::string directory_;
  FileLock lock_;
};

}  // namespace gantry::agent
