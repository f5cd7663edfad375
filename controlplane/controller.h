#pragma once

#include "base/time.h"
#include "controlplane/state.h"

#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <thread>

// The loop: one thread owns the state. It takes all queued commands as a batch, runs them, lets the
// reconcilers add their decisions, stores everything in one transaction of the store, and only then answers
// the callers and tells the listeners. kill -9 at any moment therefore loses nothing that was acknowledged.

namespace gantry::controlplane {

// Makes decisions from state: the deployment loop, retention.
class Reconciler {
 public:
  virtual ~Reconciler() = default;
  // On the state thread, before the batch is stored: after each batch that changed something (and once after
  // start, with no changes), and at the time it asked for. Its changes go into the same batch; they don't
  // lead to another call by themselves, so it makes all decisions that follow from the state it sees. Returns
  // when to call it again though nothing changes (absolute), or nothing.
  virtual std::optional<api::EpochSeconds> reconcile(Transaction& transaction) = 0;
};

// Tells the outside world of what is durable: the agent sessions.
class Listener {
 public:
  virtual ~Listener() = default;
  // On the state thread, after `changes` are durable (a record that changed twice in the batch appears
  // twice). Must not block and must not call Controller::run; it may copy records out and Controller::post.
  virtual void committed(const State& state, const std::vector<AnyChange>& changes) = 0;
};

class Controller {
 public:
  struct Options {
    Identity identity;
    std::shared_ptr<const Clock> clock;  // absent: the system's
  };

  // Loads the store's records, makes the default cluster if it is missing and marks every agent disconnected.
  static Result<std::unique_ptr<Controller>> open(Options options, std::unique_ptr<Store> store);
  ~Controller();
  Controller(const Controller&) = delete;
  Controller& operator=(const Controller&) = delete;

  // Before start().
  void add(std::shared_ptr<Reconciler> reconciler);
  void add(std::shared_ptr<Listener> listener);

  void start();
  // Finishes the batch under way; commands still queued are answered with `unavailable`.
  void stop();

  const Identity& identity() const;
  const Clock& clock() const;

  // Runs `command` on the state thread and returns what it returned, as soon as its changes are durable. R is
  // a Result-like type: testable as bool (false: the command's changes are undone) and made from an Error
  // (when storing fails). Not to be called on the state thread. Reads go this way too: they see whole batches
  // only, and should copy out the Ptrs that they need and build their answer on the caller's thread.
  template <class F>
  auto run(F command) -> std::invoke_result_t<F, Transaction&> {
    using R = std::invoke_result_t<F, Transaction&>;
    auto outcome = std::make_shared<std::optional<R>>();
    auto done = std::make_shared<std::promise<void>>();
    enqueue({[command = std::move(command), outcome](Transaction& transaction) mutable {
               outcome->emplace(command(transaction));
               return static_cast<bool>(**outcome);
             },
             [outcome, done](const Error* failed) {
               if (failed != nullptr) outcome->emplace(Error(*failed));
               done->set_value();
             }});
    done->get_future().wait();
    return std::move(**outcome);
  }

  // The same without waiting; `done` (optional) is called on the state thread once the changes are durable,
  // or with the error. May be called on any thread, also on the state thread.
  void post(std::function<Result<void>(Transaction&)> command,
            std::function<void(const Result<void>&)> done = {});

 private:
  struct Command {
    std::function<bool(Transaction&)> run;  // false: undo
    std::function<void(const Error* failed)>
        done;  // null: durable (or the command itself failed and said so)
  };
  struct Loop;
  explicit Controller(std::unique_ptr<Loop> loop);
  void enqueue(Command command);

  std::unique_ptr<Loop> loop_;
};

}  // namespace gantry::controlplane
