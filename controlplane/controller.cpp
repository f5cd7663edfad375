#include "controlplane/controller.h"

#include "base/log.h"
#include "base/text.h"

#include <condition_variable>
#include <deque>
#include <mutex>

namespace gantry::controlplane {
namespace {

constexpr size_t most_commands_in_batch = 512;  // bounds the time until the first of them is answered

}  // namespace

struct Controller::Loop {
  Loop(Options options, std::unique_ptr<Store> backing)
      : clock(options.clock ? options.clock : std::make_shared<SystemClock>()),
        store(std::move(backing)),
        state(std::move(options.identity)) {}

  api::EpochSeconds now() const { return to_epoch_seconds(clock->now()); }
  Result<void> take_up();
  void serve();
  std::deque<Command> next_batch();
  bool is_stopping() {
    const std::lock_guard lock(mutex);
    return stopping;
  }
  bool is_due() const { return wake_at && *wake_at <= now(); }
  void run_batch(std::deque<Command> batch);
  Result<void> commit(Transaction& transaction);
  void reconcile(Transaction& transaction);

  std::shared_ptr<const Clock> clock;
  std::unique_ptr<Store> store;
  State state;
  std::vector<std::shared_ptr<Reconciler>> reconcilers;
  std::vector<std::shared_ptr<Listener>> listeners;
  std::optional<api::EpochSeconds> wake_at = 0;  // due at once after start

  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Command> queue;  // guarded by mutex
  bool stopping = false;      // guarded by mutex
  std::thread thread;
};

Result<void> Controller::Loop::take_up() {
  TRY(state.load(*store));
  Transaction transaction(state, now());
  const auto& identity = state.identity();
  if (!state.cluster(identity.cluster_arn("default"))) {
    Cluster cluster;
    cluster.cluster_name = "default";
    cluster.cluster_arn = identity.cluster_arn("default");
    cluster.settings = {{"containerInsights", "disabled"}};
    transaction.put(std::move(cluster));
  }
  const auto instances = state.instances();
  for (const auto& [arn, instance] : instances) {
    if (!instance->agent_connected) continue;
    auto disconnected = *instance;
    disconnected.agent_connected = false;
    disconnected.disconnected_at = transaction.now();
    transaction.put(std::move(disconnected));
  }
  return store->append(transaction.stored());
}

std::deque<Controller::Command> Controller::Loop::next_batch() {
  std::unique_lock lock(mutex);
  const auto ready = [this] { return stopping || !queue.empty() || is_due(); };
  // A clock that a test turns is not the one that wait_for knows: look at it at least so often.
  while (!ready()) {
    auto pause = std::chrono::duration<double>(1.0);
    if (wake_at) pause = std::min(pause, std::chrono::duration<double>(std::max(0.001, *wake_at - now())));
    changed.wait_for(
        lock, std::chrono::duration_cast<std::chrono::milliseconds>(pause) + std::chrono::milliseconds(1));
  }
  std::deque<Command> batch;
  while (!stopping && !queue.empty() && batch.size() < most_commands_in_batch) {
    batch.push_back(std::move(queue.front()));
    queue.pop_front();
  }
  return batch;
}

void Controller::Loop::serve() {
  for (;;) {
    auto batch = next_batch();
    if (batch.empty() && is_stopping()) break;
    run_batch(std::move(batch));
  }
  const Error stopped(ErrorKind::unavailable, "the control plane is stopping");
  std::deque<Command> left;
  {
    const std::lock_guard lock(mutex);
    left.swap(queue);
  }
  for (const auto& command : left) command.done(&stopped);
}

void Controller::Loop::reconcile(Transaction& transaction) {
  wake_at.reset();
  for (const auto& reconciler : reconcilers) {
    const auto next = reconciler->reconcile(transaction);
    if (next && (!wake_at || *next < *wake_at)) wake_at = next;
  }
}

Result<void> Controller::Loop::commit(Transaction& transaction) {
  auto stored = store->append(transaction.stored());
  if (stored) return {};
  transaction.undo_to(0);
  log::error("state not stored error=\"{}\"", stored.error().message());
  return stored;
}

void Controller::Loop::run_batch(std::deque<Command> batch) {
  Transaction transaction(state, now());
  for (auto& command : batch) {
    const auto mark = transaction.mark();
    if (!command.run(transaction)) transaction.undo_to(mark);
  }
  if (transaction.mark() != 0 || is_due()) reconcile(transaction);
  const auto stored = commit(transaction);
  // What a reconciler decided is lost with the batch: let it look again soon.
  if (!stored) wake_at = now() + 1;
  for (auto& command : batch) command.done(stored ? nullptr : &stored.error());
  if (transaction.changes().empty()) return;
  for (const auto& listener : listeners) listener->committed(state, transaction.changes());
}

Controller::Controller(std::unique_ptr<Loop> loop) : loop_(std::move(loop)) {}

Controller::~Controller() {
  stop();
}

Result<std::unique_ptr<Controller>> Controller::open(Options options, std::unique_ptr<Store> store) {
  auto loop = std::make_unique<Loop>(std::move(options), std::move(store));
  TRY(loop->take_up().context("take up the state"));
  return std::unique_ptr<Controller>(new Controller(std::move(loop)));
}

void Controller::add(std::shared_ptr<Reconciler> reconciler) {
  loop_->reconcilers.push_back(std::move(reconciler));
}

void Controller::add(std::shared_ptr<Listener> listener) {
  loop_->listeners.push_back(std::move(listener));
}

void Controller::start() {
  loop_->thread = std::thread([this] { loop_->serve(); });
}

void Controller::stop() {
  {
    const std::lock_guard lock(loop_->mutex);
    loop_->stopping = true;
  }
  loop_->changed.notify_all();
  if (loop_->thread.joinable()) loop_->thread.join();
}

const Identity& Controller::identity() const {
  return loop_->state.identity();
}

const Clock& Controller::clock() const {
  return *loop_->clock;
}

void Controller::enqueue(Command command) {
  {
    const std::lock_guard lock(loop_->mutex);
    if (!loop_->stopping) {
      loop_->queue.push_back(std::move(command));
      loop_->changed.notify_one();
      return;
    }
  }
  const Error stopped(ErrorKind::unavailable, "the control plane is stopping");
  command.done(&stopped);
}

void Controller::post(std::function<Result<void>(Transaction&)> command,
                      std::function<void(const Result<void>&)> done) {
  auto outcome = std::make_shared<Result<void>>();
  enqueue({[command = std::move(command), outcome](Transaction& transaction) {
             *outcome = command(transaction);
             return static_cast<bool>(*outcome);
           },
           [done = std::move(done), outcome](const Error* failed) {
             if (failed != nullptr) *outcome = Error(*failed);
             if (done) done(*outcome);
           }});
}

}  // namespace gantry::controlplane
