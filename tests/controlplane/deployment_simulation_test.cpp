#include "controlplane/deployment.h"
#include "tests/support/results.h"

#include <algorithm>
#include <random>

// A world of one service whose tasks start, warm up, become healthy and stop after random times, driven by
// decide(). What must always hold is checked after every step.

namespace gantry::controlplane {
namespace {

struct SimulatedTask {
  TaskSnapshot snapshot;
  double runs_at = 0;     // PENDING until then
  double healthy_at = 0;  // with a health check
  double gone_at = 0;     // after it was stopped
};

class World {
 public:
  explicit World(unsigned seed) : random_(seed) {
    service_.name = "web";
    service_.desired_count = pick(1, 12);
    service_.minimum_healthy_percent = pick(0, 4) * 25;
    service_.maximum_percent = 100 + pick(0, 4) * 50;
    checked_ = pick(0, 1) == 1;
    service_.deployments = {deployment("d0")};
  }

  int pick(int least, int most) { return std::uniform_int_distribution<int>(least, most)(random_); }

  DeploymentSnapshot deployment(const std::string& id) const {
    DeploymentSnapshot snapshot;
    snapshot.id = id;
    snapshot.primary = true;
    return snapshot;
  }

  void roll() {
    for (auto& each : service_.deployments) each.primary = false;
    service_.deployments.insert(service_.deployments.begin(), deployment(format("d{}", ++rolls_)));
  }

  void step() {
    now_ += pick(1, 10);
    for (auto& task : tasks_) age(task);
    std::erase_if(tasks_,
                  [&](const SimulatedTask& task) { return !task.snapshot.wanted && task.gone_at <= now_; });
    service_.tasks.clear();
    for (const auto& task : tasks_) service_.tasks.push_back(task.snapshot);
    const auto decisions = decide(service_, settings_, now_);
    for (const auto& decision : decisions.decisions) apply(decision);
    service_.steady = decisions.steady;
  }

  int healthy() const {
    return static_cast<int>(std::count_if(tasks_.begin(), tasks_.end(), [&](const SimulatedTask& task) {
      return task.snapshot.wanted && is_healthy(task.snapshot, settings_, now_);
    }));
  }
  int wanted() const {
    return static_cast<int>(std::count_if(tasks_.begin(), tasks_.end(),
                                          [](const SimulatedTask& task) { return task.snapshot.wanted; }));
  }
  int least() const { return (service_.desired_count * service_.minimum_healthy_percent + 99) / 100; }
  int most() const { return service_.desired_count * service_.maximum_percent / 100; }
  // Can a rolling update make progress at all?
  bool can_roll() const { return most() > service_.desired_count || least() < service_.desired_count; }
  bool settled() const { return service_.steady && service_.deployments.size() == 1; }
  ServiceSnapshot& service() { return service_; }
  void drain_some() {
    for (auto& task : tasks_) task.snapshot.draining = pick(0, 2) == 0;
  }

 private:
  void age(SimulatedTask& task) {
    auto& snapshot = task.snapshot;
    if (!snapshot.running && now_ >= task.runs_at) {
      snapshot.running = true;
      snapshot.started_at = task.runs_at;
    }
    if (snapshot.has_health_check && now_ >= task.healthy_at) snapshot.health = api::HealthStatus::healthy;
  }

  void apply(const Decision& decision) {
    if (const auto* start = std::get_if<StartTasks>(&decision)) {
      for (int i = 0; i < start->count; ++i) add(start->deployment_id);
    } else if (const auto* stop = std::get_if<StopTask>(&decision)) {
      for (auto& task : tasks_) {
        if (task.snapshot.arn != stop->task_arn) continue;
        task.snapshot.wanted = false;
        task.gone_at = now_ + pick(0, 30);
      }
    } else if (const auto* complete = std::get_if<CompleteDeployment>(&decision)) {
      service_.deployments[0].rollout = api::RolloutState::completed;
      EXPECT_EQ(complete->deployment_id, service_.deployments[0].id);
    } else if (const auto* removed = std::get_if<RemoveDeployment>(&decision)) {
      std::erase_if(service_.deployments,
                    [&](const DeploymentSnapshot& each) { return each.id == removed->deployment_id; });
    }
  }

  void add(const std::string& deployment_id) {
    SimulatedTask task;
    task.snapshot.arn = format("t{}", ++made_);
    task.snapshot.deployment_id = deployment_id;
    task.snapshot.has_health_check = checked_;
    task.snapshot.zone = format("z{}", pick(0, 2));
    task.snapshot.instance_arn = format("i{}", pick(0, 9));
    task.runs_at = now_ + pick(0, 60);
    task.healthy_at = task.runs_at + pick(1, 90);
    tasks_.push_back(task);
  }

  std::mt19937 random_;
  DeploymentSettings settings_;
  double now_ = 1000;
  bool checked_ = false;
  int made_ = 0;
  int rolls_ = 0;
  std::vector<SimulatedTask> tasks_;
  ServiceSnapshot service_;
};

// Steps until the service is settled; checks the bounds of the documented rules on the way.
void settle(World& world, unsigned seed, bool keep_minimum) {
  for (int step = 0; step < 2000 && !world.settled(); ++step) {
    world.step();
    ASSERT_LE(world.wanted(), std::max(world.most(), world.service().desired_count)) << "seed " << seed;
    const int bound = keep_minimum ? world.least() : 0;
    ASSERT_GE(world.healthy(), bound) << "seed " << seed << " step " << step;
  }
  ASSERT_TRUE(world.settled()) << "seed " << seed << ": not steady after 2000 steps";
  ASSERT_EQ(world.wanted(), world.service().desired_count) << "seed " << seed;
}

void wait_healthy(World& world) {
  for (int step = 0; step < 100; ++step) world.step();
}

TEST(DeploymentSimulation, HealthyNeverFallBelowTheMinimumWhileRolling) {
  for (unsigned seed = 0; seed < 400; ++seed) {
    World world(seed);
    settle(world, seed, false);
    if (HasFatalFailure()) return;
    wait_healthy(world);
    if (!world.can_roll()) continue;
    for (int roll = 0; roll < 3; ++roll) {
      world.roll();
      for (int early = world.pick(0, 15); early > 0; --early) world.step();
      if (roll == 1) world.roll();  // a second update before the first is done
      settle(world, seed, true);
      if (HasFatalFailure()) return;
      wait_healthy(world);
    }
  }
}

TEST(DeploymentSimulation, HealthyNeverFallBelowTheMinimumWhileDraining) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    World world(seed);
    settle(world, seed, false);
    if (HasFatalFailure()) return;
    wait_healthy(world);
    if (!world.can_roll()) continue;
    world.drain_some();
    world.step();
    settle(world, seed, true);
    if (HasFatalFailure()) return;
  }
}

TEST(DeploymentSimulation, ScalesBetweenAnyCounts) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    World world(seed);
    for (int change = 0; change < 5; ++change) {
      world.service().desired_count = world.pick(0, 15);
      for (int step = 0; step < 200; ++step) world.step();
      ASSERT_EQ(world.wanted(), world.service().desired_count) << "seed " << seed;
    }
  }
}

TEST(DeploymentSimulation, IsSettledByOneRoundMore) {
  for (unsigned seed = 0; seed < 50; ++seed) {
    World world(seed);
    settle(world, seed, false);
    const auto again = decide(world.service(), {}, 1e9);
    for (const auto& decision : again.decisions) {
      EXPECT_FALSE(std::holds_alternative<StartTasks>(decision)) << "seed " << seed;
      EXPECT_FALSE(std::holds_alternative<StopTask>(decision)) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace gantry::controlplane
