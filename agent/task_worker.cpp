#include "agent/task_worker.h"

#include "agent/task_plan.h"
#include "base/files.h"
#include "base/log.h"

#include <utility>

namespace gantry::agent {

namespace {

constexpr std::chrono::seconds look_again{1};      // of a watcher, so that it sees that it is to end
constexpr std::chrono::minutes at_least_every{5};  // the host is looked at, whatever events say

std::string_view step_name(StepKind kind) {
  switch (kind) {
    case StepKind::pull:
      return "pull";
    case StepKind::create:
      return "create";
    case StepKind::start:
      return "start";
    case StepKind::stop:
      return "stop";
  }
  return {};
}

}  // namespace

TaskWorker::TaskWorker(Task task, WorkerContext context)
    : context_(std::move(context)), task_(std::move(task)) {}

TaskWorker::~TaskWorker() {
  end();
  join();
}

void TaskWorker::begin() {
  thread_ = std::thread([this] { run(); });
}

void TaskWorker::end() {
  ending_ = true;
  poke();
}

void TaskWorker::join() {
  if (thread_.joinable() && thread_.get_id() != std::this_thread::get_id()) thread_.join();
}

void TaskWorker::poke() {
  const std::lock_guard lock(mutex_);
  poked_ = true;
  wake_.notify_all();
}

Task TaskWorker::copy() const {
  const std::lock_guard lock(mutex_);
  return task_;
}

void TaskWorker::want_stop(const std::string& reason) {
  {
    const std::lock_guard lock(mutex_);
    agent::want_stop(task_, reason);
  }
  poke();
}

void TaskWorker::mark_sent(const Task& told) {
  {
    const std::lock_guard lock(mutex_);
    task_.record.sent = std::max(task_.record.sent, told.record.known);
    for (size_t i = 0; i < task_.record.containers.size(); ++i) {
      auto& container = task_.record.containers[i];
      container.sent = std::max(container.sent, told.record.containers[i].known);
    }
    save_locked();
  }
  poke();
}

void TaskWorker::save_locked() {
  if (const auto saved = context_.store.save_task(task_); !saved) {
    log::error("task not saved task={} error=\"{}\"", task_.id(), saved.error().message());
  }
}

void TaskWorker::run() {
  announced_ = to_json_text(copy());
  while (!ending_ && round()) {
  }
  for (auto& [container, step] : steps_) step.join();
  for (auto& [container, watcher] : watchers_) watcher.join();
  steps_.clear();
  watchers_.clear();
  const auto arn = copy().arn();
  if (!ending_) context_.cleaned(arn);
}

bool TaskWorker::round() {
  record_ends();
  observe_containers();
  Decision decision;
  bool stopped = false;
  {
    const std::lock_guard lock(mutex_);
    const StepLimits limits{context_.config.start_timeout};
    judge(task_, limits, context_.clock.now());
    decision = next_steps(task_, limits, context_.clock.now());
    stopped = task_.record.known == TaskStatus::stopped;
    for (const auto& step : decision.steps) task_.record.containers[step.container].under_way = step.kind;
  }
  save_changes();
  if (stopped) return !clean_up();
  for (const auto& step : decision.steps) begin_step(step);
  wait(decision.again);
  return true;
}

void TaskWorker::observe_containers() {
  const auto task = copy();
  for (size_t i = 0; i < task.record.containers.size(); ++i) {
    const auto& record = task.record.containers[i];
    if (record.runtime_id.empty() || record.known == ContainerStatus::stopped) continue;
    const auto observed = context_.driver.inspect(record.runtime_id);
    if (!observed) {
      log::warning("container can't be inspected task={} container={} error=\"{}\"", task.id(),
                   task.payload.containers[i].name, observed.error().message());
      continue;
    }
    {
      const std::lock_guard lock(mutex_);
      observe(task_, i, *observed, context_.clock.now());
    }
    if (observed->state == ObservedState::running && !watchers_.contains(i)) {
      watchers_.emplace(i, std::thread([this, i] { watch(i); }));
    }
  }
}

// Saved before anyone can see it: what is told to the control plane survives a crash.
void TaskWorker::save_changes() {
  const auto task = copy();
  auto text = to_json_text(task);
  if (text == announced_) return;
  announced_ = std::move(text);
  {
    const std::lock_guard lock(mutex_);
    save_locked();
  }
  log::info("task changed task={} family={}:{} status={} reason=\"{}\"", task.id(), task.payload.family,
            task.payload.version, enum_name(task.record.known), task.record.reason);
  context_.changed();
}

void TaskWorker::wait(std::optional<TimePoint> until) {
  std::unique_lock lock(mutex_);
  auto limit = std::chrono::nanoseconds(at_least_every);
  if (until) limit = std::clamp(*until - context_.clock.now(), std::chrono::nanoseconds(0), limit);
  wake_.wait_for(lock, limit, [this] { return poked_ || ending_; });
  poked_ = false;
}

// True when it is done, and the worker's life with it.
bool TaskWorker::clean_up() {
  const auto task = copy();
  const auto due = task.record.stopped_at.value_or(TimePoint{}) + context_.config.cleanup_wait;
  const bool told = task.record.sent == TaskStatus::stopped;
  if (!told || context_.clock.now() < due) {
    wait(told ? std::optional(due) : std::nullopt);
    return false;
  }
  const auto done = [&]() -> Result<void> {
    for (const auto& container : task.record.containers) {
      if (!container.runtime_id.empty()) TRY(context_.driver.remove(container.runtime_id));
    }
    TRY(context_.driver.remove_group(plan_group(task.payload, context_.config).path));
    TRY(remove_tree(volumes_directory(task.payload, context_.config)));
    return context_.store.remove_task(task);
  }();
  if (done) return true;
  log::warning("task not cleaned up, retry task={} error=\"{}\"", task.id(), done.error().message());
  wait(context_.clock.now() + std::chrono::minutes(1));
  return false;
}

void TaskWorker::begin_step(const Step& step) {
  auto& thread = steps_[step.container];
  if (thread.joinable()) thread.join();  // it has ended: a container has one step at a time
  thread = std::thread([this, step] { take(step); });
}

void TaskWorker::take(const Step& step) {
  const auto started = context_.clock.now();
  const auto task = copy();
  const auto& name = task.payload.containers[step.container].name;
  auto outcome = task.record.containers[step.container];
  const auto done = act(step, task, outcome);
  const auto now = context_.clock.now();
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(now - started).count();
  if (done) {
    log::info("container step={} task={} container={} ms={}", step_name(step.kind), task.id(), name,
              milliseconds);
  } else {
    log::error("container step={} failed task={} container={} error=\"{}\"", step_name(step.kind), task.id(),
               name, done.error().message());
    if (step.kind == StepKind::stop) pause(std::chrono::seconds(1));
  }
  {
    const std::lock_guard lock(mutex_);
    ends_.push_back({step, std::move(outcome), done, started, now});
  }
  poke();
}

// At the start of a round only, so that what the round sees of the host is younger than the steps' ends: else
// a container that was just started would be judged by how it looked before.
void TaskWorker::record_ends() {
  const std::lock_guard lock(mutex_);
  for (const auto& end : ends_) {
    if (end.step.kind == StepKind::pull) {
      if (!task_.record.pull_started_at) task_.record.pull_started_at = end.started;
      task_.record.pull_stopped_at = end.ended;
    }
    if (end.done) {
      succeeded(task_, end.step, end.outcome);
    } else {
      failed(task_, end.step, end.done.error(), end.ended);
    }
  }
  if (!ends_.empty()) save_locked();
  ends_.clear();
}

void TaskWorker::pause(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  wake_.wait_for(lock, time, [this] { return ending_.load(); });
}

Result<void> TaskWorker::act(const Step& step, const Task& task, ContainerRecord& outcome) {
  auto& driver = context_.driver;
  const auto& config = context_.config;
  const auto& container = task.payload.containers[step.container];
  switch (step.kind) {
    case StepKind::pull:
      outcome.image_digest =
          TRY(context_.images.pull(container.image, registry_login(container, config))).digest;
      return {};
    case StepKind::create: {
      const auto spec = TRY(plan_container(task.payload, step.container, config));
      TRY(driver.make_group(plan_group(task.payload, config)));
      TRY(make_volumes(task.payload, config));
      outcome.runtime_id = TRY(driver.create(spec));
      return {};
    }
    case StepKind::start:
      return driver.start(outcome.runtime_id);
    case StepKind::stop:
      return driver.stop(outcome.runtime_id, stop_timeout(container, config));
  }
  return {};
}

// Until the container has ended, whatever happens on the way: an inspect that fails is tried again.
void TaskWorker::watch(size_t container) {
  const auto id = copy().record.containers[container].runtime_id;
  std::optional<Observed> seen;
  while (!ending_) {
    auto now = context_.driver.inspect(id);
    if (!now) {
      pause(look_again);
      continue;
    }
    if (!seen || !now->same_as(*seen)) poke();
    if (now->state != ObservedState::running) break;
    seen = std::move(*now);
    context_.driver.wait_for_change(id, *seen, look_again);
  }
  poke();
}

}  // namespace gantry::agent
