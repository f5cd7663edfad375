#pragma once

#include "agent/config.h"
#include "agent/container_driver.h"
#include "agent/image_cleanup.h"
#include "agent/state_store.h"
#include "agent/task.h"
#include "agent/task_steps.h"

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace gantry::agent {

struct WorkerContext {
  const Config& config;
  ContainerDriver& driver;
  const StateStore& store;
  const Clock& clock;
  ImageCleanup& images;
  std::function<void()> changed;                        // the task's record is different
  std::function<void(const std::string& arn)> cleaned;  // nothing of the task is left; called last
};

// One task and the thread that brings it along. A step has a thread of its own, so that what happens
// meanwhile, to the task or to another of its containers, is seen and told while an image is pulled for
// minutes.
class TaskWorker {
 public:
  TaskWorker(Task task, WorkerContext context);
  ~TaskWorker();

  void begin();  // starts the thread
  void want_stop(const std::string& reason);
  void mark_sent(const Task& told);
  Task copy() const;
  void end();  // asks the thread to end; join() waits for it
  void join();

 private:
  void run();
  bool round();  // false: nothing is left to do, ever
  void observe_containers();
  void save_locked();  // mutex_ is held
  void save_changes();
  bool clean_up();
  void begin_step(const Step& step);
  void take(const Step& step);
  void record_ends();
  Result<void> act(const Step& step, const Task& task, ContainerRecord& outcome);
  void pause(std::chrono::milliseconds time);  // or until the worker is to end
  void wait(std::optional<TimePoint> until);
  void watch(size_t container);
  void poke();

  WorkerContext context_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  Task task_;          // under mutex_
  bool poked_ = true;  // under mutex_
  struct End {
    Step step;
    ContainerRecord outcome;
    Result<void> done;
    TimePoint started, ended;
  };
  std::vector<End> ends_;  // under mutex_: of steps, not yet in task_
  std::atomic<bool> ending_ = false;
  std::thread thread_;
  // Of the worker's thread, by container:
  std::map<size_t, std::thread> watchers_;
  std::map<size_t, std::thread> steps_;
  std::string announced_;  // the task as `changed` was last called for
};

}  // namespace gantry::agent
