#include "controlplane/task_changes.h"

#include "tests/support/results.h"

namespace gantry::controlplane {
namespace {

using api::HealthStatus;
using api::StopCode;
using api::TaskStatus;

class TaskChanges : public testing::Test {
 protected:
  void SetUp() override {
    Transaction transaction(state_, 100);
    TaskDefinition definition;
    definition.family = "web";
    definition.revision = 1;
    definition.task_definition_arn = state_.identity().task_definition_arn("web", 1);
    api::ContainerDefinition app{.name = "app", .image = "busybox:1", .cpu = 128, .memory = 64};
    app.essential = true;
    app.health_check = api::HealthCheck{.command = {"CMD", "true"}};
    definition.container_definitions = {
        app, {.name = "side", .image = "busybox:1", .memory = 32, .essential = false}};
    transaction.put(definition);
    ContainerInstance instance;
    instance.cluster_arn = cluster_;
    instance.container_instance_arn = state_.identity().container_instance_arn("default", "1");
    instance.agent_connected = true;
    transaction.put(instance);
    NewTask what;
    what.definition = state_.task_definition(definition.task_definition_arn);
    what.instance = state_.instance(instance.container_instance_arn);
    task_arn_ = make_task(transaction, what)->task_arn;
  }

  Ptr<Task> task() const { return state_.task(task_arn_); }

  void report(const std::string& status, std::vector<ContainerStateChange> containers = {},
              const std::string& reason = "") {
    Transaction transaction(state_, ++now_);
    apply_state_change(transaction, cluster_, {task_arn_, status, reason, std::move(containers), {}, {}, {}});
  }

  State state_{Identity{}};
  std::string cluster_ = state_.identity().cluster_arn("default");
  std::string task_arn_;
  double now_ = 200;
};

TEST_F(TaskChanges, ANewTaskIsPendingAndEchoesItsContainers) {
  EXPECT_EQ(task()->last_status, TaskStatus::pending);
  EXPECT_EQ(task()->group, "family:web");
  EXPECT_EQ(task()->cpu, "128");
  EXPECT_EQ(task()->memory, "96");
  ASSERT_EQ(task()->containers.size(), 2);
  EXPECT_EQ(task()->overrides.container_overrides.at(1).name, "side");
  EXPECT_EQ(task()->connectivity, "CONNECTED");
}

TEST_F(TaskChanges, RunningKeepsWhatTheAgentTells) {
  report("RUNNING",
         {{"app", "sha256:1", "cafe", {}, {{"0.0.0.0", 80, 32768, "tcp", "", ""}}, "", "RUNNING"}});
  EXPECT_EQ(task()->last_status, TaskStatus::running);
  EXPECT_EQ(task()->started_at, 201);
  const auto& app = task()->containers.at(0);
  EXPECT_EQ(app.last_status, TaskStatus::running);
  EXPECT_EQ(app.runtime_id, "cafe");
  EXPECT_EQ(app.network_bindings.at(0).host_port, 32768);
}

TEST_F(TaskChanges, NeverGoesBackAndRepeatsChangeNothing) {
  report("RUNNING");
  const auto version = task()->version;
  report("RUNNING");
  report("PENDING");
  EXPECT_EQ(task()->version, version);
  report("STOPPED");
  const auto stopped_at = task()->stopped_at;
  report("RUNNING");
  report("STOPPED");
  EXPECT_EQ(task()->last_status, TaskStatus::stopped);
  EXPECT_EQ(task()->stopped_at, stopped_at);
}

TEST_F(TaskChanges, AnExitOfARunningTaskIsAnEssentialContainersExit) {
  report("RUNNING");
  report("STOPPED",
         {{"app", "", "", 137, {}, "OutOfMemoryError: Container killed due to memory usage", "STOPPED"}});
  EXPECT_EQ(task()->stop_code, StopCode::essential_container_exited);
  EXPECT_EQ(task()->stopped_reason, "Essential container in task exited");
  EXPECT_EQ(task()->containers.at(0).exit_code, 137);
  EXPECT_EQ(task()->containers.at(1).last_status, TaskStatus::stopped);
  EXPECT_FALSE(task()->wanted());
}

TEST_F(TaskChanges, ATaskThatNeverRanFailedToStartWithItsContainersReason) {
  report("STOPPED", {{"app", "", "", {}, {}, "CannotPullContainerError: no such image", "STOPPED"}});
  EXPECT_EQ(task()->stop_code, StopCode::task_failed_to_start);
  EXPECT_EQ(task()->stopped_reason, "CannotPullContainerError: no such image");
}

TEST_F(TaskChanges, AUsersStopKeepsItsReasonThroughTheExit) {
  report("RUNNING");
  Transaction transaction(state_, 300);
  want_stopped(transaction, task_arn_, StopCode::user_initiated, "enough");
  EXPECT_EQ(task()->last_status, TaskStatus::running);
  EXPECT_FALSE(task()->wanted());
  report("STOPPED", {}, "Essential container in task exited");
  EXPECT_EQ(task()->stop_code, StopCode::user_initiated);
  EXPECT_EQ(task()->stopped_reason, "enough");
  EXPECT_EQ(task()->stopping_at, 300);
}

TEST_F(TaskChanges, AStopOnAHostThatIsGoneIsDoneAtOnce) {
  Transaction transaction(state_, 300);
  transaction.remove_instance(task()->container_instance_arn);
  want_stopped(transaction, task_arn_, StopCode::user_initiated, "enough");
  EXPECT_TRUE(task()->stopped());
}

TEST_F(TaskChanges, HealthFollowsEssentialContainersWithAHealthCheck) {
  report("RUNNING");
  Transaction transaction(state_, 300);
  apply_health(transaction, task_arn_, {{"app", HealthStatus::healthy}});
  EXPECT_EQ(task()->health_status, HealthStatus::healthy);
  EXPECT_EQ(task()->healthy_since, 300);
  const auto version = task()->version;
  apply_health(transaction, task_arn_, {{"app", HealthStatus::healthy}, {"none", HealthStatus::unhealthy}});
  EXPECT_EQ(task()->version, version);
  apply_health(transaction, task_arn_, {{"app", HealthStatus::unhealthy}});
  EXPECT_EQ(task()->health_status, HealthStatus::unhealthy);
  EXPECT_FALSE(task()->healthy_since);
}

TEST_F(TaskChanges, ReportsOnUnknownTasksAreTakenWithoutEffect) {
  Transaction transaction(state_, 300);
  apply_state_change(transaction, cluster_, {"nothing", "STOPPED", "", {}, {}, {}, {}});
  EXPECT_TRUE(transaction.changes().empty());
}

TEST_F(TaskChanges, SequenceNumbersGrow) {
  Transaction transaction(state_, 300);
  const auto instance = task()->container_instance_arn;
  EXPECT_EQ(next_sequence_number(transaction, instance), 1);
  EXPECT_EQ(next_sequence_number(transaction, instance), 2);
  EXPECT_EQ(next_sequence_number(transaction, "none"), 0);
}

}  // namespace
}  // namespace gantry::controlplane
