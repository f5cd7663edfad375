#include "agent/task_manager.h"

#include "agent/task_plan.h"
#include "agent/task_worker.h"
#include "base/log.h"
#include "base/text.h"

namespace gantry::agent {

TaskManager::TaskManager(const Config& config, ContainerDriver& driver, const StateStore& store,
                         const Clock& clock)
    : config_(config),
      driver_(driver),
      store_(store),
      clock_(clock),
      capabilities_(driver.capabilities()),
      images_(config, driver, store, clock) {}

TaskManager::~TaskManager() {
  shut_down();
}

void TaskManager::add(Task task) {
  let_go();
  const auto arn = task.arn();
  WorkerContext context{config_,
                        driver_,
                        store_,
                        clock_,
                        images_,
                        [this] { changed(); },
                        [this](const std::string& cleaned) { forget(cleaned); }};
  auto worker = std::make_shared<TaskWorker>(std::move(task), std::move(context));
  {
    const std::lock_guard lock(mutex_);
    workers_[arn] = worker;
  }
  worker->begin();
}

Result<void> TaskManager::restore() {
  TRY(images_.restore());
  auto tasks = TRY(store_.load_tasks());
  for (auto& task : tasks) {
    log::info("task taken up again task={} status={}", task.id(), enum_name(task.record.known));
    add(std::move(task));
  }
  return {};
}

std::shared_ptr<TaskWorker> TaskManager::worker(const std::string& arn) const {
  const std::lock_guard lock(mutex_);
  const auto found = workers_.find(arn);
  return found == workers_.end() ? nullptr : found->second;
}

namespace {

Result<void> check_arn(const api::PayloadTask& payload) {
  const auto id = Task{payload, {}}.id();
  const bool plain = is_plain(id, "-_") && id.size() <= 128;
  if (plain && !payload.containers.empty()) return {};
  return Error::make(ErrorKind::invalid, "task \"{}\": {}", payload.arn,
                     plain ? "has no containers" : "the ARN must end in an id of letters and digits");
}

}  // namespace

Result<void> TaskManager::accept(const api::PayloadTask& payload) {
  const bool stopped = payload.desired_status == "STOPPED";
  if (const auto known = worker(payload.arn)) {
    if (stopped) known->want_stop({});
    return {};
  }
  Task task{payload, {}};
  if (stopped && payload.containers.empty()) task.payload.containers.push_back({});
  TRY(check_arn(task.payload));
  task.record.containers.resize(task.payload.containers.size());
  task.record.accepted_at = clock_.now();
  if (stopped) want_stop(task, {});
  if (const auto fit = check_task(payload, config_, capabilities_); !stopped && !fit) {
    log::error("task can't be run here task={} error=\"{}\"", task.id(), fit.error().message());
    want_stop(task, fit.error().message());
  }
  TRY(store_.save_task(task));
  log::info("task accepted task={} family={}:{} desired={}", task.id(), payload.family, payload.version,
            payload.desired_status);
  add(std::move(task));
  changed();
  return {};
}

void TaskManager::stop(const std::string& arn, const std::string& reason) {
  if (const auto known = worker(arn)) known->want_stop(reason);
}

std::vector<Task> TaskManager::tasks() const {
  std::vector<std::shared_ptr<TaskWorker>> workers;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [arn, known] : workers_) workers.push_back(known);
  }
  std::vector<Task> tasks;
  for (const auto& known : workers) tasks.push_back(known->copy());
  return tasks;
}

std::optional<Task> TaskManager::find(const std::string& arn) const {
  const auto known = worker(arn);
  return known ? std::optional(known->copy()) : std::nullopt;
}

void TaskManager::mark_sent(const Task& told) {
  if (const auto known = worker(told.arn())) known->mark_sent(told);
}

uint64_t TaskManager::wait_for_change(uint64_t seen, std::chrono::milliseconds limit) const {
  std::unique_lock lock(mutex_);
  change_.wait_for(lock, limit, [&] { return generation_ != seen || ending_; });
  return generation_;
}

bool TaskManager::clean_images() {
  return images_.clean([this] { return tasks(); });
}

void TaskManager::changed() {
  const std::lock_guard lock(mutex_);
  ++generation_;
  change_.notify_all();
}

// Called on the worker's own thread, so the worker itself is let go by the next add or at the end.
void TaskManager::forget(const std::string& arn) {
  const std::lock_guard lock(mutex_);
  const auto found = workers_.find(arn);
  if (found == workers_.end()) return;
  log::info("task cleaned up task={}", found->second->copy().id());
  gone_.push_back(std::move(found->second));
  workers_.erase(found);
  ++generation_;
  change_.notify_all();
}

void TaskManager::let_go() {
  std::vector<std::shared_ptr<TaskWorker>> gone;
  {
    const std::lock_guard lock(mutex_);
    gone.swap(gone_);
  }
}

void TaskManager::shut_down() {
  std::map<std::string, std::shared_ptr<TaskWorker>> workers;
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    workers = workers_;
    change_.notify_all();
  }
  for (const auto& [arn, known] : workers) known->end();
  for (const auto& [arn, known] : workers) known->join();
  let_go();
}

}  // namespace gantry::agent
