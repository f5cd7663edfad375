#include "agent/task_manager.h"

#include "base/files.h"
#include "tests/agent/fake_driver.h"
#include "tests/agent/sample_task.h"
#include "tests/support/results.h"
#include "tests/support/wait.h"

namespace gantry::agent {
namespace {

using testing::Each;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// Agents of one host, one after another: the driver and the data directory stay.
class Tasks : public testing::Test {
 protected:
  void SetUp() override {
    auto folder = TemporaryDirectory::make();
    ASSERT_OK(folder);
    folder_ = std::move(*folder);
    config_.data_directory = folder_->path();
    begin();
  }

  void begin() {
    auto store = StateStore::open(folder_->path());
    ASSERT_OK(store);
    store_.emplace(std::move(*store));
    manager_ = std::make_unique<TaskManager>(config_, driver_, *store_, clock_);
    ASSERT_OK(manager_->restore());
  }

  // As after a kill -9: nothing is told to anyone.
  void end() {
    manager_.reset();
    store_.reset();
  }

  bool reaches(const std::string& arn, TaskStatus status) {
    return test::wait_until([&] {
      const auto task = manager_->find(arn);
      return task && task->record.known == status;
    });
  }

  SystemClock clock_;
  FakeDriver driver_;
  std::optional<TemporaryDirectory> folder_;
  Config config_;
  std::optional<StateStore> store_;
  std::unique_ptr<TaskManager> manager_;
};

TEST_F(Tasks, RunInTheirGroup) {
  const auto payload = sample_task();
  ASSERT_OK(manager_->accept(payload));
  ASSERT_TRUE(reaches(payload.arn, TaskStatus::running));
  EXPECT_TRUE(driver_.runs("app"));
  EXPECT_EQ(driver_.groups().at("/gantry/ecs/fedcba98").cpu_quota, 25'000);
  const auto task = manager_->find(payload.arn);
  EXPECT_EQ(task->record.containers[0].image_digest, "sha256:of-busybox:1");
  EXPECT_TRUE(task->record.pull_started_at.has_value());
}

TEST_F(Tasks, StopWhenTheControlPlaneSaysSo) {
  auto payload = sample_task();
  payload.containers[0].stop_timeout = 7;
  ASSERT_OK(manager_->accept(payload));
  ASSERT_TRUE(reaches(payload.arn, TaskStatus::running));
  payload.desired_status = "STOPPED";
  ASSERT_OK(manager_->accept(payload));
  ASSERT_TRUE(reaches(payload.arn, TaskStatus::stopped));
  EXPECT_EQ(driver_.count("7s"), 1);
  EXPECT_EQ(manager_->find(payload.arn)->record.containers[0].exit_code, 143);
}

TEST_F(Tasks, AKnownTaskIsNotBegunTwice) {
  const auto payload = sample_task();
  ASSERT_OK(manager_->accept(payload));
  ASSERT_OK(manager_->accept(payload));
  ASSERT_TRUE(reaches(payload.arn, TaskStatus::running));
  EXPECT_EQ(driver_.count("create"), 1);
}

TEST_F(Tasks, AreAdoptedAfterACrashAndNeverStopped) {
  const auto payload = sample_task();
  ASSERT_OK(manager_->accept(payload));
  ASSERT_TRUE(reaches(payload.arn, TaskStatus::running));
  manager_->mark_sent(*manager_->find(payload.arn));
  end();
  EXPECT_TRUE(driver_.runs("app"));
  begin();
  ASSERT_TRUE(reaches(payload.arn, TaskStatus::running));
  EXPECT_FALSE(manager_->find(payload.arn)->has_unsent()) << "what was sent is not sent again";
  EXPECT_EQ(driver_.count("start"), 1);
  EXPECT_EQ(driver_.count("stop"), 0);
  driver_.exit("app", 4);
  ASSERT_TRUE(reaches(payload.arn, TaskStatus::stopped)) << "it is watched again";
  EXPECT_EQ(manager_->find(payload.arn)->record.containers[0].exit_code, 4);
}

TEST_F(Tasks, ThatEndedMeanwhileAreFoundStopped) {
  const auto payload = sample_task();
  ASSERT_OK(manager_->accept(payload));
  ASSERT_TRUE(reaches(payload.arn, TaskStatus::running));
  end();
  driver_.exit("app", 137, true);
  begin();
  ASSERT_TRUE(reaches(payload.arn, TaskStatus::stopped));
  const auto container = manager_->find(payload.arn)->record.containers[0];
  EXPECT_EQ(container.exit_code, 137);
  EXPECT_THAT(container.reason, HasSubstr("OutOfMemoryError"));
}

TEST_F(Tasks, ThatVanishedAreFoundStopped) {
  const auto payload = sample_task();
  ASSERT_OK(manager_->accept(payload));
  ASSERT_TRUE(reaches(payload.arn, TaskStatus::running));
  end();
  driver_.vanish("app");
  begin();
  ASSERT_TRUE(reaches(payload.arn, TaskStatus::stopped));
  EXPECT_THAT(manager_->find(payload.arn)->record.containers[0].reason, HasSubstr("ContainerVanishedError"));
}

// A crash between the engine's create and the record of it: the container is found by its name.
TEST_F(Tasks, ContainerMadeBeforeACrashIsTakenUp) {
  const auto payload = sample_task();
  driver_.fail("start", Error(ErrorKind::unavailable, "not yet"));
  auto task = record_of(payload);
  task.record.containers[0].known = ContainerStatus::pulled;
  task.record.accepted_at = clock_.now();
  ASSERT_OK(store_->save_task(task));
  engine::ContainerSpec spec;
  spec.name = "ecs-web-3-app-fedcba98";
  ASSERT_OK(driver_.create(spec));
  driver_.mend();
  end();
  begin();
  ASSERT_TRUE(reaches(payload.arn, TaskStatus::running));
  EXPECT_EQ(driver_.count("pull"), 0);
}

TEST_F(Tasks, AreStoppedWhileAnImageIsPulled) {
  const auto payload = sample_task();
  driver_.hold("pull");
  ASSERT_OK(manager_->accept(payload));
  ASSERT_TRUE(test::wait_until([&] { return driver_.count("pull") == 1; }));
  auto stopped = payload;
  stopped.desired_status = "STOPPED";
  ASSERT_OK(manager_->accept(stopped));
  EXPECT_TRUE(reaches(payload.arn, TaskStatus::stopped));
  driver_.release();
  EXPECT_EQ(driver_.count("create"), 0);
}

TEST_F(Tasks, SeeTheEndOfOneContainerWhileAnotherIsPulled) {
  auto payload = sample_task();
  add_container(payload, "slow", true).image = "slow:1";
  driver_.hold("pull slow");
  ASSERT_OK(manager_->accept(payload));
  ASSERT_TRUE(test::wait_until([&] { return driver_.runs("app"); }));
  driver_.exit("app", 3);
  EXPECT_TRUE(reaches(payload.arn, TaskStatus::stopped));
  EXPECT_EQ(manager_->find(payload.arn)->record.containers[0].exit_code, 3);
  driver_.release();
}

TEST_F(Tasks, ThatAreStoppedWhileTheyStartAreStoppedOnceTheyRun) {
  const auto payload = sample_task();
  driver_.hold("start");
  ASSERT_OK(manager_->accept(payload));
  ASSERT_TRUE(test::wait_until([&] { return driver_.count("start") == 1; }));
  auto stopped = payload;
  stopped.desired_status = "STOPPED";
  ASSERT_OK(manager_->accept(stopped));
  driver_.release();
  ASSERT_TRUE(reaches(payload.arn, TaskStatus::stopped));
  EXPECT_EQ(driver_.count("stop"), 1);
  EXPECT_FALSE(driver_.runs("app"));
}

TEST_F(Tasks, EndIsSeenAfterTheHostCouldNotBeAsked) {
  const auto payload = sample_task();
  ASSERT_OK(manager_->accept(payload));
  ASSERT_TRUE(reaches(payload.arn, TaskStatus::running));
  driver_.fail("inspect", Error(ErrorKind::system, "too many open files"));
  driver_.set_health("app", engine::HealthState::healthy);  // wakes whoever watches
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  driver_.mend();
  driver_.exit("app", 0);
  EXPECT_TRUE(reaches(payload.arn, TaskStatus::stopped));
}

TEST_F(Tasks, FileThatCannotBeReadIsSetAside) {
  const auto payload = sample_task();
  ASSERT_OK(manager_->accept(payload));
  ASSERT_TRUE(reaches(payload.arn, TaskStatus::running));
  end();
  const auto bad = join_path(folder_->path(), "tasks/broken.json");
  ASSERT_OK(write_file(bad, "{"));
  begin();
  EXPECT_TRUE(reaches(payload.arn, TaskStatus::running));
  EXPECT_TRUE(path_exists(bad + ".unreadable"));
}

TEST_F(Tasks, FailuresStopThemWithTheReason) {
  const auto payload = sample_task();
  driver_.fail("start", Error(ErrorKind::conflict, "port 80/tcp is already published by container web"));
  ASSERT_OK(manager_->accept(payload));
  ASSERT_TRUE(reaches(payload.arn, TaskStatus::stopped));
  EXPECT_EQ(manager_->find(payload.arn)->record.reason,
            "CannotStartContainerError: port 80/tcp is already published by container web");
}

TEST_F(Tasks, ThatCannotBeHonouredStopAtOnce) {
  auto payload = sample_task();
  payload.network_mode = "awsvpc";
  ASSERT_OK(manager_->accept(payload));
  ASSERT_TRUE(reaches(payload.arn, TaskStatus::stopped));
  EXPECT_THAT(manager_->find(payload.arn)->record.reason, HasSubstr("awsvpc"));
  EXPECT_THAT(driver_.calls(), IsEmpty());
}

TEST_F(Tasks, AreCleanedUpOnceStoppedAndTold) {
  end();
  config_.cleanup_wait = std::chrono::nanoseconds(0);
  begin();
  auto payload = sample_task();
  payload.volumes = {{"scratch", "", {}, {}}};
  payload.containers[0].mount_points = {{"scratch", "/s", false}};
  ASSERT_OK(manager_->accept(payload));
  ASSERT_TRUE(reaches(payload.arn, TaskStatus::running));
  const auto volume = join_path(folder_->path(), "volumes/fedcba98/scratch");
  EXPECT_TRUE(path_exists(volume));
  driver_.exit("app", 0);
  ASSERT_TRUE(reaches(payload.arn, TaskStatus::stopped));
  EXPECT_TRUE(driver_.exists("app")) << "not before the control plane knows";
  manager_->mark_sent(*manager_->find(payload.arn));
  ASSERT_TRUE(test::wait_until([&] { return !manager_->find(payload.arn); }));
  EXPECT_FALSE(driver_.exists("app"));
  EXPECT_FALSE(path_exists(volume));
  EXPECT_THAT(driver_.groups(), IsEmpty());
  EXPECT_THAT(*list_directory(join_path(folder_->path(), "tasks")), IsEmpty());
}

TEST_F(Tasks, HealthReachesTheRecordPromptly) {
  auto payload = sample_task();
  payload.containers[0].docker_config.emplace();
  payload.containers[0].docker_config->config = R"({"Healthcheck":{"Test":["CMD","true"]}})";
  ASSERT_OK(manager_->accept(payload));
  ASSERT_TRUE(reaches(payload.arn, TaskStatus::running));
  EXPECT_EQ(manager_->find(payload.arn)->record.containers[0].health, HealthStatus::unknown);
  driver_.set_health("app", engine::HealthState::healthy);
  EXPECT_TRUE(test::wait_until(
      [&] { return manager_->find(payload.arn)->record.containers[0].health == HealthStatus::healthy; },
      std::chrono::seconds(3)));
}

TEST_F(Tasks, SecondAgentOnTheSameDataIsRefused) {
  EXPECT_ERROR(StateStore::open(folder_->path()), ErrorKind::conflict, HasSubstr("another gantry-agent"));
}

}  // namespace
}  // namespace gantry::agent
