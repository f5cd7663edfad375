#pragma once

#include "agent/config.h"
#include "agent/container_driver.h"
#include "agent/image_cleanup.h"
#include "agent/state_store.h"
#include "agent/task.h"

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace gantry::agent {

class TaskWorker;

// The tasks of this host. Each has a worker thread that brings it along; others see copies.
// Callable from any thread.
class TaskManager {
 public:
  TaskManager(const Config& config, ContainerDriver& driver, const StateStore& store, const Clock& clock);
  ~TaskManager();  // shut_down()

  // Takes up the tasks of the last run: running containers are adopted, never stopped.
  Result<void> restore();

  // Saves the task and lets it begin; a known one only has its desired status raised. One that this agent
  // can't honour is accepted too, and stops with a reason that names why. Errors: it couldn't be saved.
  Result<void> accept(const api::PayloadTask& task);
  void stop(const std::string& arn, const std::string& reason);  // unknown: nothing

  std::vector<Task> tasks() const;
  std::optional<Task> find(const std::string& arn) const;

  // The control plane has acknowledged what `told` said.
  void mark_sent(const Task& told);

  // Blocks until a task or its health has changed since generation `seen`, or `limit` has passed; answers the
  // generation now.
  uint64_t wait_for_change(uint64_t seen, std::chrono::milliseconds limit) const;

  // Removes images that this agent pulled and that no task needs. False: not now, one is being pulled.
  bool clean_images();

  // Ends the workers, not the tasks. Blocking steps (a pull) are waited for.
  void shut_down();

 private:
  void add(Task task);
  std::shared_ptr<TaskWorker> worker(const std::string& arn) const;
  void let_go();                        // of workers whose threads have nothing left to do
  void changed();                       // wakes those who wait
  void forget(const std::string& arn);  // after clean-up

  const Config& config_;
  ContainerDriver& driver_;
  const StateStore& store_;
  const Clock& clock_;
  const HostCapabilities capabilities_;
  ImageCleanup images_;
  mutable std::mutex mutex_;
  mutable std::condition_variable change_;
  uint64_t generation_ = 1;
  bool ending_ = false;
  std::map<std::string, std::shared_ptr<TaskWorker>> workers_;  // by ARN
  std::vector<std::shared_ptr<TaskWorker>> gone_;               // cleaned up, their threads ending
};

}  // namespace gantry::agent
