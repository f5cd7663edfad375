#include "controlplane/deployment.h"

#include "controlplane/service_events.h"
#include "tests/support/results.h"

#include <algorithm>

namespace gantry::controlplane {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

constexpr double now = 1000000;

DeploymentSnapshot deployment(const std::string& id, bool primary,
                              api::RolloutState rollout = api::RolloutState::in_progress) {
  DeploymentSnapshot snapshot;
  snapshot.id = id;
  snapshot.primary = primary;
  snapshot.rollout = rollout;
  return snapshot;
}

TaskSnapshot running(const std::string& arn, const std::string& deployment_id, double age = 100) {
  TaskSnapshot task;
  task.arn = arn;
  task.deployment_id = deployment_id;
  task.instance_arn = "i-" + arn;
  task.zone = "a";
  task.running = true;
  task.started_at = now - age;
  return task;
}

TaskSnapshot pending(const std::string& arn, const std::string& deployment_id) {
  auto task = running(arn, deployment_id);
  task.running = false;
  task.started_at.reset();
  return task;
}

TaskSnapshot checked(const std::string& arn, const std::string& deployment_id, api::HealthStatus health) {
  auto task = running(arn, deployment_id);
  task.has_health_check = true;
  task.health = health;
  return task;
}

ServiceSnapshot service_of(int desired, std::vector<TaskSnapshot> tasks) {
  ServiceSnapshot service;
  service.name = "web";
  service.desired_count = desired;
  service.deployments = {deployment("new", true)};
  if (std::any_of(tasks.begin(), tasks.end(), [](const auto& task) { return task.deployment_id == "old"; })) {
    service.deployments.push_back(deployment("old", false, api::RolloutState::completed));
  }
  service.tasks = std::move(tasks);
  return service;
}

int starts(const ServiceDecisions& decisions) {
  int count = 0;
  for (const auto& decision : decisions.decisions) {
    if (const auto* start = std::get_if<StartTasks>(&decision)) count += start->count;
  }
  return count;
}

std::vector<std::string> stops(const ServiceDecisions& decisions) {
  std::vector<std::string> arns;
  for (const auto& decision : decisions.decisions) {
    if (const auto* stop = std::get_if<StopTask>(&decision)) arns.push_back(stop->task_arn);
  }
  return arns;
}

template <class T>
const T* find(const ServiceDecisions& decisions) {
  for (const auto& decision : decisions.decisions) {
    if (const auto* found = std::get_if<T>(&decision)) return found;
  }
  return nullptr;
}

ServiceDecisions decided(const ServiceSnapshot& service) {
  return decide(service, {}, now);
}

TEST(Deployment, StartsWhatIsMissing) {
  EXPECT_EQ(starts(decided(service_of(3, {}))), 3);
  EXPECT_EQ(starts(decided(service_of(3, {running("t1", "new"), pending("t2", "new")}))), 1);
  EXPECT_EQ(starts(decided(service_of(0, {}))), 0);
}

TEST(Deployment, StartsNewBeforeStoppingOld) {
  const auto decisions = decided(service_of(2, {running("o1", "old"), running("o2", "old")}));
  EXPECT_EQ(starts(decisions), 2);
  EXPECT_THAT(stops(decisions), IsEmpty());
}

TEST(Deployment, OldOnesStayUntilNewOnesAreHealthy) {
  auto service = service_of(
      2, {running("o1", "old"), running("o2", "old"), running("n1", "new", 39), running("n2", "new", 39)});
  auto decisions = decided(service);
  EXPECT_THAT(stops(decisions), IsEmpty());
  ASSERT_TRUE(decisions.look_again_at);
  EXPECT_DOUBLE_EQ(*decisions.look_again_at, now + 1) << "when the 40 seconds are over";
  service.tasks[2].started_at = now - 40;
  EXPECT_THAT(stops(decided(service)), IsEmpty()) << "the second new one only warms up";
  service.minimum_healthy_percent = 50;
  EXPECT_THAT(stops(decided(service)), ElementsAre("o1", "o2")) << "one healthy is enough";
  service.minimum_healthy_percent = 100;
  service.tasks[3].started_at = now - 40;
  EXPECT_THAT(stops(decided(service)), ElementsAre("o1", "o2"));
}

TEST(Deployment, HealthChecksDecideInsteadOfAge) {
  using api::HealthStatus;
  auto service = service_of(1, {running("o1", "old"), checked("n1", "new", HealthStatus::unknown)});
  EXPECT_THAT(stops(decided(service)), IsEmpty());
  service.tasks[1].started_at = now - 1;
  service.tasks[1].health = HealthStatus::healthy;
  EXPECT_THAT(stops(decided(service)), ElementsAre("o1"));
}

struct LimitCase {
  int desired, minimum, maximum;
  int starts;
  size_t stops;
};

// The documented examples.
TEST(Deployment, MinimumAndMaximumBoundARound) {
  const LimitCase cases[] = {{4, 50, 100, 0, 2},  {2, 75, 100, 0, 0}, {4, 100, 200, 4, 0},
                             {3, 100, 125, 0, 0}, {4, 50, 200, 4, 2}, {1, 0, 100, 0, 1}};
  for (const auto& each : cases) {
    std::vector<TaskSnapshot> tasks;
    for (int i = 0; i < each.desired; ++i) tasks.push_back(running(format("o{}", i), "old"));
    auto service = service_of(each.desired, tasks);
    service.minimum_healthy_percent = each.minimum;
    service.maximum_percent = each.maximum;
    const auto decisions = decided(service);
    EXPECT_EQ(starts(decisions), each.starts) << each.desired << " " << each.minimum << " " << each.maximum;
    EXPECT_THAT(stops(decisions), SizeIs(each.stops))
        << each.desired << " " << each.minimum << " " << each.maximum;
    if (each.starts == 0 && each.stops == 0) {
      EXPECT_THAT(decisions.events,
                  Contains(HasSubstr("was unable to stop or start tasks during a deployment")));
    }
  }
}

TEST(Deployment, NotRunningOldTasksGoFirst) {
  auto service = service_of(2, {running("o1", "old"), pending("o2", "old"), running("n1", "new")});
  EXPECT_THAT(stops(decided(service)), ElementsAre("o2"));
}

TEST(Deployment, ReasonOfAReplacedTaskNamesTheDeployment) {
  const auto decisions = decided(service_of(1, {running("o1", "old"), running("n1", "new")}));
  ASSERT_NE(find<StopTask>(decisions), nullptr);
  EXPECT_EQ(find<StopTask>(decisions)->reason, "Scaling activity initiated by (deployment new)");
}

TEST(Deployment, CompletesWhenOldOnesAreGone) {
  auto stopping = running("o1", "old");
  stopping.wanted = false;
  auto service = service_of(1, {running("n1", "new"), stopping});
  EXPECT_EQ(find<CompleteDeployment>(decided(service)), nullptr);
  EXPECT_EQ(find<RemoveDeployment>(decided(service)), nullptr) << "its last task is still stopping";
  service.tasks.pop_back();
  const auto decisions = decided(service);
  ASSERT_NE(find<CompleteDeployment>(decisions), nullptr);
  ASSERT_NE(find<RemoveDeployment>(decisions), nullptr);
  EXPECT_EQ(find<RemoveDeployment>(decisions)->deployment_id, "old");
  EXPECT_TRUE(decisions.steady);
  EXPECT_THAT(decisions.events, ElementsAre("(service web) (deployment new) deployment completed.",
                                            "(service web) has reached a steady state."));
}

TEST(Deployment, SteadyStateIsToldOnceInSixHours) {
  auto service = service_of(1, {running("n1", "new")});
  service.deployments[0].rollout = api::RolloutState::completed;
  service.steady = true;
  service.last_steady_at = now - 3600;
  const auto decisions = decided(service);
  EXPECT_TRUE(decisions.steady);
  EXPECT_FALSE(decisions.tell_steady);
  EXPECT_THAT(decisions.events, IsEmpty());
  service.last_steady_at = now - 6 * 3600;
  EXPECT_THAT(decided(service).events, ElementsAre(service_events::steady_state("web")));
}

TEST(Deployment, ScalesInFromTheFullestZoneAndHost) {
  auto service = service_of(2, {running("t1", "new"), running("t2", "new"), running("t3", "new")});
  service.tasks[1].zone = service.tasks[2].zone = "b";
  service.tasks[2].started_at = now - 50;
  EXPECT_THAT(stops(decided(service)), ElementsAre("t3"));
}

TEST(Deployment, ScalesInByTheStrategy) {
  auto service = service_of(2, {running("t1", "new"), running("t2", "new"), running("t3", "new")});
  service.placement_strategy = {{"binpack", "memory"}};
  service.tasks[0].host_memory_remaining = 10;
  service.tasks[1].host_memory_remaining = 500;
  service.tasks[2].host_memory_remaining = 20;
  EXPECT_THAT(stops(decided(service)), ElementsAre("t2")) << "the emptiest host gives up its task";
}

TEST(Deployment, ScalesInToZero) {
  EXPECT_THAT(stops(decided(service_of(0, {running("t1", "new"), pending("t2", "new")}))),
              UnorderedElementsAre("t1", "t2"));
}

TEST(Deployment, UnhealthyIsReplacedFirstWhereTheMaximumAllows) {
  using api::HealthStatus;
  auto service = service_of(
      2, {checked("t1", "new", HealthStatus::healthy), checked("t2", "new", HealthStatus::unhealthy)});
  auto decisions = decided(service);
  EXPECT_EQ(starts(decisions), 1);
  EXPECT_THAT(stops(decisions), IsEmpty());
  service.tasks.push_back(checked("t3", "new", HealthStatus::healthy));
  decisions = decided(service);
  EXPECT_EQ(starts(decisions), 0);
  EXPECT_THAT(stops(decisions), ElementsAre("t2"));
  EXPECT_EQ(find<StopTask>(decisions)->reason, "Task failed container health checks");
  EXPECT_THAT(decisions.events, Contains(HasSubstr("(task t2) failed container health checks")));
}

TEST(Deployment, UnhealthyGoOneByOneWithoutRoom) {
  using api::HealthStatus;
  auto service = service_of(
      2, {checked("t1", "new", HealthStatus::unhealthy), checked("t2", "new", HealthStatus::unhealthy)});
  service.maximum_percent = 100;
  EXPECT_THAT(stops(decided(service)), SizeIs(1));
  service.minimum_healthy_percent = 0;
  EXPECT_THAT(stops(decided(service)), SizeIs(2));
}

TEST(Deployment, GracePeriodIgnoresUnhealthy) {
  auto service = service_of(1, {checked("t1", "new", api::HealthStatus::unhealthy)});
  service.grace_period = 300;
  const auto decisions = decided(service);
  EXPECT_EQ(starts(decisions), 0);
  ASSERT_TRUE(decisions.look_again_at);
  EXPECT_DOUBLE_EQ(*decisions.look_again_at, now + 200);
}

TEST(Deployment, DrainingReplacesRunningAndStopsPendingAtOnce) {
  auto service = service_of(2, {running("t1", "new"), pending("t2", "new")});
  service.tasks[0].draining = service.tasks[1].draining = true;
  auto decisions = decided(service);
  EXPECT_EQ(starts(decisions), 2);
  EXPECT_THAT(stops(decisions), ElementsAre("t2"));
  service.tasks[1] = running("t3", "new");
  service.tasks.push_back(running("t4", "new"));
  EXPECT_THAT(stops(decided(service)), ElementsAre("t1"));
}

TEST(Deployment, DrainingKeepsTheMinimum) {
  auto service = service_of(2, {running("t1", "new"), running("t2", "new")});
  service.maximum_percent = 100;
  for (auto& task : service.tasks) task.draining = true;
  EXPECT_THAT(stops(decided(service)), IsEmpty());
  service.minimum_healthy_percent = 50;
  EXPECT_THAT(stops(decided(service)), SizeIs(1));
}

TEST(Deployment, ThrottlesAfterFailedStarts) {
  auto service = service_of(2, {});
  service.deployments[0].consecutive_failures = 5;
  service.deployments[0].next_start_at = now + 16;
  const auto decisions = decided(service);
  EXPECT_EQ(starts(decisions), 0);
  EXPECT_DOUBLE_EQ(decisions.look_again_at.value_or(0), now + 16);
  EXPECT_THAT(decisions.events, Contains(HasSubstr("is unable to consistently start tasks successfully.")));
  service.deployments[0].next_start_at = now;
  EXPECT_EQ(starts(decided(service)), 2);
}

TEST(Deployment, PausesGrowToTheirLimit) {
  const DeploymentSettings settings;
  EXPECT_EQ(start_pause(0, settings), 0);
  EXPECT_EQ(start_pause(1, settings), 1);
  EXPECT_EQ(start_pause(4, settings), 8);
  EXPECT_EQ(start_pause(1000, settings), 900);
}

TEST(CircuitBreaker, ThresholdFollowsTheDesiredCount) {
  EXPECT_EQ(breaker_threshold(1), 3);
  EXPECT_EQ(breaker_threshold(25), 13);
  EXPECT_EQ(breaker_threshold(1000), 200);
}

TEST(CircuitBreaker, FailsTheDeploymentAndRollsBack) {
  auto service = service_of(2, {running("o1", "old"), running("o2", "old")});
  service.breaker_enabled = service.breaker_rollback = service.rollback_possible = true;
  service.deployments[0].failed_tasks = 2;
  EXPECT_EQ(find<FailDeployment>(decided(service)), nullptr);
  service.deployments[0].failed_tasks = 3;
  const auto decisions = decided(service);
  ASSERT_NE(find<FailDeployment>(decisions), nullptr);
  EXPECT_TRUE(find<FailDeployment>(decisions)->roll_back);
  EXPECT_EQ(starts(decisions), 0);
  EXPECT_THAT(stops(decisions), IsEmpty()) << "the old ones are what still serves";
  EXPECT_THAT(decisions.events, Contains(HasSubstr("deployment failed: tasks failed to start.")));
}

TEST(CircuitBreaker, CountsByStage) {
  EXPECT_TRUE(counts_as_failure({false, false, false}, false));
  EXPECT_FALSE(counts_as_failure({false, false, false}, true)) << "stage 2 counts failed checks only";
  EXPECT_TRUE(counts_as_failure({true, true, true}, true));
  EXPECT_FALSE(counts_as_failure({true, false, false}, false)) << "it ran";
  EXPECT_FALSE(counts_as_failure({false, false, true}, false)) << "stopped on purpose";
}

TEST(Service, DeletedOneStopsAllAndEnds) {
  auto service = service_of(2, {running("t1", "new"), running("t2", "new")});
  service.active = false;
  EXPECT_THAT(stops(decided(service)), SizeIs(2));
  EXPECT_EQ(find<EndService>(decided(service)), nullptr);
  service.tasks.clear();
  EXPECT_NE(find<EndService>(decided(service)), nullptr);
}

ServiceSnapshot daemon(std::vector<DaemonHost> hosts, std::vector<TaskSnapshot> tasks) {
  auto service = service_of(0, std::move(tasks));
  service.strategy = api::SchedulingStrategy::daemon;
  service.minimum_healthy_percent = 0;
  service.maximum_percent = 100;
  service.daemon_hosts = std::move(hosts);
  return service;
}

TEST(Daemon, OneOnEachEligibleHost) {
  const auto decisions =
      decided(daemon({{"i-t1", true}, {"i-2", true}, {"i-3", false}}, {running("t1", "new")}));
  ASSERT_NE(find<StartTasks>(decisions), nullptr);
  EXPECT_THAT(find<StartTasks>(decisions)->hosts, ElementsAre("i-2"));
  EXPECT_EQ(decisions.desired_count, 2);
}

TEST(Daemon, ReplacesAfterTheOldOneIsGone) {
  auto service = daemon({{"i-o1", true}}, {running("o1", "old")});
  auto decisions = decided(service);
  EXPECT_EQ(starts(decisions), 0);
  EXPECT_THAT(stops(decisions), ElementsAre("o1"));
  service.tasks[0].wanted = false;
  EXPECT_EQ(starts(decided(service)), 0) << "it still holds its ports";
  service.tasks.clear();
  EXPECT_EQ(starts(decided(service)), 1);
}

TEST(Daemon, LeavesADrainingHostLast) {
  auto service = daemon({{"i-t1", false, true, 1}}, {running("t1", "new")});
  service.tasks[0].draining = true;
  EXPECT_THAT(stops(decided(service)), IsEmpty());
  service.daemon_hosts[0].other_tasks = 0;
  EXPECT_THAT(stops(decided(service)), ElementsAre("t1"));
}

TEST(Daemon, LeavesWhereConstraintsNoLongerFit) {
  auto service = daemon({{"i-t1", false}}, {running("t1", "new")});
  service.tasks[0].misplaced = true;
  EXPECT_THAT(stops(decided(service)), ElementsAre("t1"));
}

TEST(ServiceEvents, HaveTheTextsThatClientsLookFor) {
  namespace texts = service_events;
  EXPECT_EQ(texts::started("web", {"arn:aws:ecs:r:1:task/default/1", "arn:aws:ecs:r:1:task/default/2"}),
            "(service web) has started 2 tasks: (task 1) (task 2).");
  EXPECT_EQ(
      texts::unplaced("web", std::nullopt),
      "(service web) was unable to place a task because no container instance met all of its requirements. "
      "Reason: No Container Instances were found in your cluster. For more information, see the "
      "Troubleshooting section of the Amazon ECS Developer Guide.");
  const HostFailure failure{"arn:aws:ecs:r:1:container-instance/default/9", Refusal::cpu};
  EXPECT_THAT(
      texts::unplaced("web", failure),
      HasSubstr(
          "The closest matching (container-instance 9) has insufficient CPU units available. For more"));
  EXPECT_THAT(texts::unplaced("web", HostFailure{"9", Refusal::attribute, {"ecs.os-type=linux", "stack"}}),
              HasSubstr("is missing an attribute required by your task: ecs.os-type=linux, stack."));
  EXPECT_THAT(texts::unplaced("web", HostFailure{"9", Refusal::agent}),
              HasSubstr("encountered error \"AGENT\"."));
}

TEST(ServiceEvents, ACauseIsSaidOnceInAPeriod) {
  std::map<std::string, double> said;
  EXPECT_TRUE(service_events::should_say(said, "x", now, 60));
  EXPECT_FALSE(service_events::should_say(said, "x", now + 59, 60));
  EXPECT_TRUE(service_events::should_say(said, "y", now + 59, 60));
  EXPECT_TRUE(service_events::should_say(said, "x", now + 60, 60));
  EXPECT_TRUE(service_events::should_say(said, "z", now + 200000, 60));
  EXPECT_THAT(said, SizeIs(1)) << "old causes are forgotten";
}

}  // namespace
}  // namespace gantry::controlplane
