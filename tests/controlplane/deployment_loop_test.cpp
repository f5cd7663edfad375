#include "controlplane/deployment_loop.h"

#include "controlplane/placement_snapshot.h"
#include "tests/controlplane/scheduling_world.h"

namespace gantry::controlplane {
namespace {

using api::TaskStatus;
using test::SchedulingWorld;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

void add_host(SchedulingWorld& world, const std::string& id, int64_t cpu = 2048, int64_t memory = 2000) {
  world.batch([&](Transaction& transaction) {
    transaction.put(test::instance_of(transaction.identity(), id, cpu, memory));
  });
}

void add_service(SchedulingWorld& world, int desired) {
  world.batch([&](Transaction& transaction) { transaction.put(test::web_service(transaction, desired)); });
}

template <class F>
void change_service(SchedulingWorld& world, F change) {
  world.batch([&](Transaction& transaction) {
    Service service = *world.service();
    change(transaction, service);
    transaction.put(service);
  });
}

void update_to(SchedulingWorld& world, int revision) {
  change_service(world, [&](Transaction& transaction, Service& service) {
    start_deployment(transaction, service, transaction.identity().task_definition_arn("web", revision), "");
  });
}

void settle(SchedulingWorld& world, int rounds = 10) {
  for (int i = 0; i < rounds; ++i) {
    world.obey();
    world.pass(10);
  }
}

TEST(DeploymentLoop, PlacesTasksOfANewService) {
  SchedulingWorld world;
  add_host(world, "h1");
  add_service(world, 2);
  const auto tasks = world.tasks(TaskStatus::pending);
  ASSERT_THAT(tasks, SizeIs(2));
  EXPECT_EQ(tasks[0]->group, "service:web");
  EXPECT_EQ(tasks[0]->started_by, world.service()->deployments[0].id);
  EXPECT_EQ(world.events_with("has started 2 tasks"), 1);
  const auto host = host_snapshot(world.state, *world.state.instances().begin()->second);
  EXPECT_EQ(host.cpu_remaining, 2048 - 2 * 256);
  EXPECT_EQ(host.memory_remaining, 2000 - 2 * 64);
}

TEST(DeploymentLoop, SaysWhyATaskHasNoPlaceOnceAndPlacesItWhenAHostComes) {
  SchedulingWorld world;
  add_service(world, 1);
  world.pass(60);
  EXPECT_THAT(world.state.tasks(), IsEmpty());
  EXPECT_EQ(world.events_with("was unable to place a task"), 1);
  EXPECT_EQ(world.events_with("No Container Instances were found in your cluster"), 1);
  add_host(world, "small", 100);
  EXPECT_EQ(world.events_with("(container-instance small) has insufficient CPU units available"), 1);
  add_host(world, "big", 1024);
  ASSERT_THAT(world.tasks(TaskStatus::pending), SizeIs(1));
  EXPECT_THAT(world.tasks(TaskStatus::pending)[0]->container_instance_arn, HasSubstr("/big"));
}

TEST(DeploymentLoop, ReachesSteadyStateAndStaysQuiet) {
  SchedulingWorld world;
  add_host(world, "h1");
  add_service(world, 2);
  settle(world, 2);
  EXPECT_EQ(world.service()->deployments[0].rollout_state, api::RolloutState::completed);
  EXPECT_EQ(world.events_with("has reached a steady state."), 1);
  const auto before = world.service();
  settle(world);
  EXPECT_EQ(world.service(), before) << "nothing to do, nothing to write";
}

TEST(DeploymentLoop, RollsToANewRevisionWithoutFallingBelowTheMinimum) {
  SchedulingWorld world;
  add_host(world, "h1");
  add_service(world, 2);
  settle(world);
  update_to(world, 2);
  EXPECT_THAT(world.tasks(TaskStatus::pending), SizeIs(2)) << "new ones start first";
  for (int i = 0; i < 30 && world.service()->deployments.size() > 1; ++i) {
    world.obey();
    EXPECT_GE(world.tasks(TaskStatus::running).size(), 2u);
    world.pass(5);
  }
  ASSERT_THAT(world.service()->deployments, SizeIs(1));
  const auto running = world.tasks(TaskStatus::running);
  ASSERT_THAT(running, SizeIs(2));
  for (const auto& task : running) EXPECT_THAT(task->task_definition_arn, HasSubstr("web:2"));
  EXPECT_EQ(world.service()->deployments[0].rollout_state, api::RolloutState::completed);
  const auto stopped = world.tasks(TaskStatus::stopped, false);
  ASSERT_THAT(stopped, SizeIs(2));
  EXPECT_EQ(stopped[0]->stop_code, api::StopCode::service_scheduler_initiated);
  EXPECT_THAT(stopped[0]->stopped_reason, HasSubstr("Scaling activity initiated by (deployment ecs-svc/"));
}

TEST(DeploymentLoop, ReplacesATaskThatDies) {
  SchedulingWorld world;
  add_host(world, "h1");
  add_service(world, 2);
  settle(world);
  world.report(world.tasks(TaskStatus::running)[0]->task_arn, "STOPPED");
  EXPECT_THAT(world.tasks(TaskStatus::pending), SizeIs(1)) << "at once: it had been running";
}

TEST(DeploymentLoop, PausesAfterStartsThatFail) {
  SchedulingWorld world;
  add_host(world, "h1");
  add_service(world, 1);
  int starts = 0;
  for (double passed = 0; passed < 100; passed += 0.5) {
    const auto pending = world.tasks(TaskStatus::pending);
    if (!pending.empty()) {
      ++starts;
      world.report(pending[0]->task_arn, "STOPPED");
    }
    world.pass(0.5);
  }
  EXPECT_GE(starts, 5);
  EXPECT_LE(starts, 9) << "1 + 2 + 4 + … seconds between them";
  EXPECT_EQ(world.events_with("is unable to consistently start tasks successfully."), 1);
  EXPECT_EQ(world.tasks(TaskStatus::stopped, false)[0]->stop_code, api::StopCode::task_failed_to_start);
}

TEST(DeploymentLoop, CircuitBreakerRollsBack) {
  SchedulingWorld world;
  add_host(world, "h1");
  add_service(world, 2);
  change_service(world, [](Transaction&, Service& service) {
    service.deployment_configuration.deployment_circuit_breaker = {true, true};
  });
  settle(world);
  update_to(world, 2);
  for (int i = 0; i < 20; ++i) {
    for (const auto& task : world.tasks(TaskStatus::pending)) {
      const bool bad = task->task_definition_arn.ends_with("web:2");
      world.report(task->task_arn, bad ? "STOPPED" : "RUNNING");
    }
    EXPECT_GE(world.tasks(TaskStatus::running).size(), 2u);
    world.obey();
    world.pass(10);
  }
  ASSERT_THAT(world.service()->deployments, SizeIs(1));
  EXPECT_THAT(world.service()->task_definition, HasSubstr("web:1"));
  EXPECT_EQ(world.events_with("deployment failed: tasks failed to start."), 1);
  EXPECT_EQ(world.events_with("rolling back to deployment ecs-svc/"), 1);
  EXPECT_EQ(world.service()->deployments[0].rollout_state, api::RolloutState::completed);
}

std::string image_of(const Task& task) {
  return task.containers.at(0).image;
}

// A bad image was pushed to the tag that the same task definition names.
TEST(DeploymentLoop, RollsBackToTheImagesOfTheLastCompletedDeployment) {
  SchedulingWorld world;
  add_host(world, "h1");
  add_service(world, 2);
  change_service(world, [](Transaction&, Service& service) {
    service.deployment_configuration.deployment_circuit_breaker = {true, true};
  });
  const std::string digest = "sha256:" + std::string(64, 'a');
  for (const auto& task : world.tasks(TaskStatus::pending)) {
    world.batch([&](Transaction& transaction) {
      apply_state_change(
          transaction, world.cluster(),
          {.task = task->task_arn,
           .status = "RUNNING",
           .containers = {{.container_name = "app", .image_digest = digest, .status = "RUNNING"}}});
    });
  }
  settle(world);
  ASSERT_EQ(world.service()->deployments[0].rollout_state, api::RolloutState::completed);
  update_to(world, 1);
  for (int i = 0; i < 20; ++i) {
    for (const auto& task : world.tasks(TaskStatus::pending)) {
      const bool by_tag = image_of(*task) == "127.0.0.1:5000/ns1/web:v1";
      world.report(task->task_arn, by_tag ? "STOPPED" : "RUNNING");
    }
    world.obey();
    world.pass(10);
  }
  EXPECT_EQ(world.events_with("rolling back to deployment ecs-svc/"), 1);
  ASSERT_THAT(world.service()->deployments, SizeIs(1));
  EXPECT_EQ(world.service()->deployments[0].rollout_state, api::RolloutState::completed);
  ASSERT_THAT(world.tasks(TaskStatus::running), SizeIs(2));
  for (const auto& task : world.tasks(TaskStatus::running)) {
    EXPECT_EQ(image_of(*task), "127.0.0.1:5000/ns1/web@" + digest);
  }
}

TEST(DeploymentLoop, CircuitBreakerWithoutRollbackStopsStarting) {
  SchedulingWorld world;
  add_host(world, "h1");
  add_service(world, 1);
  change_service(world, [](Transaction&, Service& service) {
    service.deployment_configuration.deployment_circuit_breaker = {true, false};
  });
  for (int i = 0; i < 20; ++i) {
    for (const auto& task : world.tasks(TaskStatus::pending)) world.report(task->task_arn, "STOPPED");
    world.pass(10);
  }
  EXPECT_THAT(world.state.tasks(), SizeIs(3));
  const auto& deployment = world.service()->deployments[0];
  EXPECT_EQ(deployment.rollout_state, api::RolloutState::failed);
  EXPECT_EQ(deployment.failed_tasks, 3);
  EXPECT_THAT(deployment.rollout_state_reason, HasSubstr("circuit breaker: tasks failed to start"));
}

TEST(DeploymentLoop, GivesUpALostHost) {
  LoopSettings settings;
  settings.host_lost_after = 120;
  SchedulingWorld world(settings);
  add_host(world, "h1");
  add_service(world, 1);
  settle(world);
  const auto lost = world.tasks(TaskStatus::running)[0];
  add_host(world, "h2");
  world.batch([&](Transaction& transaction) {
    set_agent_connected(transaction, lost->container_instance_arn, false);
  });
  world.pass(119);
  EXPECT_FALSE(world.state.task(lost->task_arn)->stopped()) << "an agent may be restarted";
  world.pass(2);
  EXPECT_TRUE(world.state.task(lost->task_arn)->stopped());
  EXPECT_EQ(world.state.task(lost->task_arn)->stopped_reason, "Host lost");
  ASSERT_THAT(world.tasks(TaskStatus::pending), SizeIs(1));
  EXPECT_THAT(world.tasks(TaskStatus::pending)[0]->container_instance_arn, HasSubstr("/h2"));
}

TEST(DeploymentLoop, DrainsAHost) {
  SchedulingWorld world;
  add_host(world, "h1");
  add_service(world, 2);
  settle(world);
  add_host(world, "h2");
  world.batch([&](Transaction& transaction) {
    ContainerInstance instance = test::instance_of(transaction.identity(), "h1");
    instance.status = api::ContainerInstanceStatus::draining;
    transaction.put(instance);
  });
  for (int i = 0; i < 20; ++i) {
    world.obey();
    EXPECT_GE(world.tasks(TaskStatus::running).size(), 2u);
    world.pass(5);
  }
  const auto running = world.tasks(TaskStatus::running);
  ASSERT_THAT(running, SizeIs(2));
  for (const auto& task : running) EXPECT_THAT(task->container_instance_arn, HasSubstr("/h2"));
}

TEST(DeploymentLoop, DaemonFollowsTheHosts) {
  SchedulingWorld world;
  add_host(world, "h1");
  add_host(world, "h2");
  world.batch([](Transaction& transaction) {
    Service service = test::web_service(transaction, 0);
    service.scheduling_strategy = api::SchedulingStrategy::daemon;
    service.deployment_configuration = {};
    transaction.put(service);
  });
  EXPECT_THAT(world.tasks(TaskStatus::pending), SizeIs(2));
  EXPECT_EQ(world.service()->desired_count, 2);
  settle(world, 2);
  add_host(world, "h3");
  ASSERT_THAT(world.tasks(TaskStatus::pending), SizeIs(1));
  EXPECT_THAT(world.tasks(TaskStatus::pending)[0]->container_instance_arn, HasSubstr("/h3"));
}

TEST(DeploymentLoop, DeletedServiceEndsWithItsLastTask) {
  SchedulingWorld world;
  add_host(world, "h1");
  add_service(world, 2);
  settle(world);
  change_service(world,
                 [](Transaction&, Service& service) { service.status = api::ServiceStatus::draining; });
  EXPECT_THAT(world.tasks(TaskStatus::running, false), SizeIs(2));
  EXPECT_EQ(world.service()->status, api::ServiceStatus::draining);
  settle(world, 2);
  EXPECT_EQ(world.service()->status, api::ServiceStatus::inactive);
}

TEST(PlacementSnapshot, DynamicPortsAreUsedPorts) {
  SchedulingWorld world;
  add_host(world, "h1");
  add_service(world, 1);
  const auto task = world.tasks(TaskStatus::pending)[0];
  world.batch([&](Transaction& transaction) {
    ContainerStateChange container;
    container.container_name = "app";
    container.status = "RUNNING";
    api::NetworkBinding binding;
    binding.host_port = 32768;
    binding.container_port = 80;
    binding.protocol = "tcp";
    container.network_bindings = {binding};
    TaskStateChange change;
    change.task = task->task_arn;
    change.status = "RUNNING";
    change.containers = {container};
    apply_state_change(transaction, world.cluster(), change);
  });
  const auto resources = remaining_resources(world.state, *world.state.instances().begin()->second);
  ASSERT_THAT(resources, SizeIs(4));
  EXPECT_EQ(resources[0].name, "CPU");
  EXPECT_EQ(resources[0].integer_value, 2048 - 256);
  EXPECT_THAT(resources[2].string_set_value, ::testing::ElementsAre("22", "32768"));
}

}  // namespace
}  // namespace gantry::controlplane
