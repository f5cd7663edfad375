#include "controlplane/controller.h"

#include "controlplane/retention.h"
#include "controlplane/task_changes.h"
#include "tests/support/results.h"
#include "tests/support/wait.h"

#include <atomic>

namespace gantry::controlplane {
namespace {

Cluster cluster_named(const Identity& identity, const std::string& name) {
  Cluster cluster;
  cluster.cluster_arn = identity.cluster_arn(name);
  cluster.cluster_name = name;
  return cluster;
}

Result<bool> has_cluster(Controller& controller, const std::string& name) {
  return controller.run([&](Transaction& transaction) -> Result<bool> {
    return transaction->cluster(transaction.identity().cluster_arn(name)) != nullptr;
  });
}

Result<void> add_cluster(Controller& controller, const std::string& name) {
  return controller.run([&](Transaction& transaction) -> Result<void> {
    transaction.put(cluster_named(transaction.identity(), name));
    return {};
  });
}

class ControllerTest : public testing::Test {
 protected:
  void SetUp() override {
    auto store = std::make_unique<MemoryStore>();
    store_ = store.get();
    auto opened = Controller::open({}, std::move(store));
    ASSERT_OK(opened);
    controller_ = std::move(*opened);
  }

  MemoryStore* store_ = nullptr;
  std::unique_ptr<Controller> controller_;
};

TEST_F(ControllerTest, HasTheDefaultClusterFromTheStart) {
  controller_->start();
  EXPECT_TRUE(has_cluster(*controller_, "default").value());
}

TEST_F(ControllerTest, UndoesWhatAFailedCommandDid) {
  controller_->start();
  const auto outcome = controller_->run([](Transaction& transaction) -> Result<void> {
    transaction.put(cluster_named(transaction.identity(), "half"));
    return Error(ErrorKind::invalid, "no");
  });
  EXPECT_ERROR(outcome, ErrorKind::invalid, testing::Eq("no"));
  EXPECT_FALSE(has_cluster(*controller_, "half").value());
}

TEST_F(ControllerTest, ReportsAndUndoesWhatCouldNotBeStored) {
  controller_->start();
  const auto outcome = controller_->run([this](Transaction& transaction) -> Result<void> {
    store_->fail_next = true;
    transaction.put(cluster_named(transaction.identity(), "lost"));
    return {};
  });
  EXPECT_ERROR(outcome, ErrorKind::system, testing::HasSubstr("told to fail"));
  EXPECT_FALSE(has_cluster(*controller_, "lost").value());
  EXPECT_OK(add_cluster(*controller_, "kept"));
}

struct AddsFamily final : Reconciler {
  std::optional<api::EpochSeconds> reconcile(Transaction& transaction) override {
    ++calls;
    if (transaction->cluster(transaction.identity().cluster_arn("one"))) {
      transaction.put(Family{"made by the reconciler", 1});
    }
    return std::nullopt;
  }
  std::atomic<int> calls = 0;
};

struct CountsFamilies final : Listener {
  void committed(const State&, const std::vector<AnyChange>& changes) override {
    for (const auto& change : changes) {
      if (std::holds_alternative<Change<Family>>(change)) ++families;
    }
  }
  std::atomic<int> families = 0;
};

TEST_F(ControllerTest, ReconcilersDecideInTheSameBatchAndListenersHearOfIt) {
  const auto reconciler = std::make_shared<AddsFamily>();
  const auto listener = std::make_shared<CountsFamilies>();
  controller_->add(reconciler);
  controller_->add(listener);
  controller_->start();
  ASSERT_TRUE(test::wait_until([&] { return reconciler->calls == 1; })) << "not called after the start";
  ASSERT_OK(add_cluster(*controller_, "one"));
  EXPECT_TRUE(test::wait_until([&] { return listener->families == 1; }));
  std::set<std::string> tables;
  controller_->stop();
  ASSERT_OK(store_->load([&](std::string_view table, std::string_view, std::string_view) {
    tables.insert(std::string(table));
    return Result<void>();
  }));
  EXPECT_TRUE(tables.contains("family"));
}

TEST_F(ControllerTest, StoppedItAnswersUnavailable) {
  controller_->start();
  controller_->stop();
  EXPECT_ERROR(add_cluster(*controller_, "late"), ErrorKind::unavailable, testing::HasSubstr("stopping"));
}

TEST_F(ControllerTest, PostTellsWhenItIsDurable) {
  controller_->start();
  std::atomic<bool> done = false;
  controller_->post(
      [](Transaction& transaction) -> Result<void> {
        transaction.put(cluster_named(transaction.identity(), "posted"));
        return {};
      },
      [&](const Result<void>& outcome) { done = static_cast<bool>(outcome); });
  EXPECT_TRUE(test::wait_until([&] { return done.load(); }));
}

TEST(Controller, MarksAgentsDisconnectedWhenItStarts) {
  auto store = std::make_unique<MemoryStore>();
  ContainerInstance instance;
  instance.container_instance_arn = "i";
  instance.agent_connected = true;
  ASSERT_OK(store->append({{"instance", "i", to_json_text(instance)}}));
  auto controller = Controller::open({}, std::move(store));
  ASSERT_OK(controller);
  (*controller)->start();
  const auto found = (*controller)->run([](Transaction& transaction) -> Result<Ptr<ContainerInstance>> {
    return transaction->instance("i");
  });
  EXPECT_FALSE((*found)->agent_connected);
  EXPECT_TRUE((*found)->disconnected_at);
}

TEST(Retention, RemovesWhatHasBeenOverForLong) {
  State state({});
  Transaction before(state, 1000);
  Task stopped;
  stopped.task_arn = "old";
  stopped.last_status = api::TaskStatus::stopped;
  stopped.stopped_at = 1000;
  before.put(stopped);
  Task running;
  running.task_arn = "running";
  before.put(running);
  TaskDefinition deleted;
  deleted.task_definition_arn = "d";
  deleted.family = "f";
  deleted.status = api::TaskDefinitionStatus::delete_in_progress;
  before.put(deleted);

  Retention retention;
  Transaction soon(state, 1000 + 3000);
  EXPECT_TRUE(retention.reconcile(soon));
  EXPECT_NE(state.task("old"), nullptr);
  EXPECT_EQ(state.task_definition("d"), nullptr);
  Transaction later(state, 1000 + 3700);
  retention.reconcile(later);
  EXPECT_EQ(state.task("old"), nullptr);
  EXPECT_NE(state.task("running"), nullptr);
}

}  // namespace
}  // namespace gantry::controlplane
