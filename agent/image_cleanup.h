#pragma once

#include "agent/config.h"
#include "agent/container_driver.h"
#include "agent/state_store.h"
#include "agent/task.h"

#include <functional>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <vector>

namespace gantry::agent {

// What is to go now, least recently used first: pulled long enough ago, wanted by no task that is known, and
// not excluded by name. Source: the ECS agent's docker_image_manager.
std::vector<TrackedImage> images_to_remove(const std::vector<TrackedImage>& tracked,
                                           const std::vector<Task>& tasks, const Config& config,
                                           TimePoint now);

// Pulls images, remembers those that this agent brought to the host, and removes them when no task has needed
// them for long. Callable from any thread.
class ImageCleanup {
 public:
  ImageCleanup(const Config& config, ContainerDriver& driver, const StateStore& store, const Clock& clock)
      : config_(config), driver_(driver), store_(store), clock_(clock) {}

  Result<void> restore();

  // As ContainerDriver::pull.
  Result<PulledImage> pull(const std::string& image, const RegistryLogin& login);

  // One cycle. `tasks` is asked for those that are known, while no pull is under way: none of them can find
  // an image that is removed before its container holds it. False: one is, nothing was done.
  bool clean(const std::function<std::vector<Task>()>& tasks);

 private:
  void note(const std::string& image, const PulledImage& pulled);
  void note_uses(const std::vector<Task>& tasks);
  void remove(const TrackedImage& image);
  void save_locked();  // mutex_ is held

  const Config& config_;
  ContainerDriver& driver_;
  const StateStore& store_;
  const Clock& clock_;
  std::shared_mutex pulling_;  // shared by pulls for as long as they take; a cycle has it alone
  std::mutex mutex_;
  std::vector<TrackedImage> tracked_;  // under mutex_
};

}  // namespace gantry::agent
