#include "agent/task_steps.h"

#include "tests/agent/sample_task.h"
#include "tests/support/results.h"

#include <functional>

namespace gantry::agent {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

const TimePoint start_of_time = from_epoch_seconds(1'795'510'800);

Observed running(TimePoint since = start_of_time) {
  Observed observed;
  observed.state = ObservedState::running;
  observed.started_at = since;
  return observed;
}

Observed exited(int code) {
  auto observed = running();
  observed.state = ObservedState::exited;
  observed.exit_code = code;
  observed.finished_at = start_of_time + seconds(5);
  return observed;
}

std::vector<Step> steps_of(Task& task, TimePoint now = start_of_time) {
  judge(task, {}, now);
  return next_steps(task, {}, now).steps;
}

TEST(TaskSteps, OneContainerGoesFromPullToRunning) {
  auto task = record_of(sample_task());
  EXPECT_THAT(steps_of(task), ElementsAre(Step{StepKind::pull, 0}));
  task.record.containers[0].known = ContainerStatus::pulled;
  EXPECT_THAT(steps_of(task), ElementsAre(Step{StepKind::create, 0}));
  task.record.containers[0].known = ContainerStatus::created;
  EXPECT_THAT(steps_of(task), ElementsAre(Step{StepKind::start, 0}));
  observe(task, 0, running(), start_of_time);
  EXPECT_THAT(steps_of(task), IsEmpty());
  EXPECT_EQ(task.record.known, TaskStatus::running);
}

TEST(TaskSteps, StopGoesAgainstTheDependencies) {
  auto payload = sample_task();
  add_container(payload, "sidecar", false).depends_on = {{"app", "START"}};
  auto task = record_of(payload);
  observe(task, 0, running(), start_of_time);
  observe(task, 1, running(), start_of_time);
  want_stop(task, "");
  EXPECT_THAT(steps_of(task), ElementsAre(Step{StepKind::stop, 1}));
  observe(task, 1, exited(143), start_of_time);
  EXPECT_THAT(steps_of(task), ElementsAre(Step{StepKind::stop, 0}));
  observe(task, 0, exited(143), start_of_time);
  EXPECT_THAT(steps_of(task), IsEmpty());
  EXPECT_EQ(task.record.known, TaskStatus::stopped);
  EXPECT_EQ(task.record.reason, "");
}

TEST(TaskSteps, StoppedBeforeItBeganNeedsNoStep) {
  auto task = record_of(sample_task());
  want_stop(task, "because");
  EXPECT_THAT(steps_of(task), IsEmpty());
  EXPECT_EQ(task.record.known, TaskStatus::stopped);
  EXPECT_FALSE(task.record.containers[0].exit_code.has_value());
}

TEST(TaskSteps, EndOfAnEssentialContainerEndsTheTask) {
  auto payload = sample_task();
  add_container(payload, "other", true);
  auto task = record_of(payload);
  observe(task, 0, running(), start_of_time);
  observe(task, 1, running(), start_of_time);
  EXPECT_THAT(steps_of(task), IsEmpty());
  observe(task, 0, exited(3), start_of_time);
  EXPECT_THAT(steps_of(task), ElementsAre(Step{StepKind::stop, 1}));
  EXPECT_EQ(task.record.reason, "Essential container in task exited");
  EXPECT_EQ(task.record.containers[0].exit_code, 3);
  EXPECT_EQ(task.record.execution_stopped_at, start_of_time + seconds(5));
}

TEST(TaskSteps, EndOfANonEssentialContainerDoesNot) {
  auto payload = sample_task();
  add_container(payload, "setup", false);
  auto task = record_of(payload);
  observe(task, 0, running(), start_of_time);
  observe(task, 1, exited(0), start_of_time);
  EXPECT_THAT(steps_of(task), IsEmpty());
  EXPECT_EQ(task.record.known, TaskStatus::running);
}

TEST(TaskSteps, OutOfMemoryIsNamed) {
  auto task = record_of(sample_task());
  auto killed = exited(137);
  killed.oom_killed = true;
  observe(task, 0, killed, start_of_time);
  EXPECT_EQ(task.record.containers[0].reason, "OutOfMemoryError: Container killed due to memory usage");
  EXPECT_EQ(task.record.containers[0].exit_code, 137);
}

TEST(TaskSteps, FailureBeforeItRanIsTheTasksReason) {
  auto task = record_of(sample_task());
  failed(task, {StepKind::pull, 0}, Error(ErrorKind::not_found, "no such image: busybox:1"), start_of_time);
  EXPECT_THAT(steps_of(task), IsEmpty());
  EXPECT_EQ(task.record.known, TaskStatus::stopped);
  EXPECT_EQ(task.record.reason, "CannotPullContainerError: no such image: busybox:1");
}

TEST(TaskSteps, ContainerThatVanishedIsStopped) {
  auto task = record_of(sample_task());
  observe(task, 0, running(), start_of_time);
  observe(task, 0, Observed{}, start_of_time);
  EXPECT_EQ(task.record.containers[0].known, ContainerStatus::stopped);
  EXPECT_THAT(task.record.containers[0].reason, HasSubstr("ContainerVanishedError"));
}

TEST(TaskSteps, StoppedStaysStopped) {
  auto task = record_of(sample_task());
  observe(task, 0, exited(1), start_of_time);
  observe(task, 0, running(), start_of_time);
  EXPECT_EQ(task.record.containers[0].known, ContainerStatus::stopped);
}

TEST(TaskSteps, HealthKeepsTheTimeOfItsChange) {
  auto task = record_of(sample_task());
  auto observed = running();
  observed.health = engine::HealthState::starting;
  observe(task, 0, observed, start_of_time);
  EXPECT_EQ(task.record.containers[0].health, HealthStatus::unknown);
  observed.health = engine::HealthState::healthy;
  observe(task, 0, observed, start_of_time + seconds(7));
  observe(task, 0, observed, start_of_time + seconds(9));
  EXPECT_EQ(task.record.containers[0].health, HealthStatus::healthy);
  EXPECT_EQ(task.record.containers[0].health_since, start_of_time + seconds(7));
}

struct Dependency {
  const char* name;
  const char* condition;
  std::function<void(Task&)> other;  // brings container 0, "app", to where it is
  bool begins;                       // the dependent is pulled
  const char* stopped;               // the task's reason holds this; empty: it goes on
};

void nothing(Task&) {}
void runs(Task& task) {
  observe(task, 0, running(), start_of_time);
}
void is_healthy(Task& task) {
  auto observed = running();
  observed.health = engine::HealthState::healthy;
  observe(task, 0, observed, start_of_time);
}
void ends_with(Task& task, int code) {
  observe(task, 0, exited(code), start_of_time);
}

class TaskDependencies : public testing::TestWithParam<Dependency> {};

TEST_P(TaskDependencies, HoldBackTheDependent) {
  auto payload = sample_task();
  payload.containers[0].essential = false;
  add_container(payload, "dependent", true).depends_on = {{"app", GetParam().condition}};
  auto task = record_of(payload);
  GetParam().other(task);
  const auto steps = steps_of(task);
  const bool pulled = std::find(steps.begin(), steps.end(), Step{StepKind::pull, 1}) != steps.end();
  EXPECT_EQ(pulled, GetParam().begins);
  EXPECT_THAT(task.record.reason, HasSubstr(GetParam().stopped));
  EXPECT_EQ(task.record.stop_wanted, GetParam().stopped[0] != '\0');
}

INSTANTIATE_TEST_SUITE_P(
    , TaskDependencies,
    testing::Values(
        Dependency{"start_waits", "START", nothing, false, ""},
        Dependency{"start_met", "START", runs, true, ""},
        Dependency{"start_met_by_ended", "START", [](Task& given) { ends_with(given, 1); }, true, ""},
        Dependency{"complete_waits", "COMPLETE", runs, false, ""},
        Dependency{"complete_met", "COMPLETE", [](Task& given) { ends_with(given, 9); }, true, ""},
        Dependency{"success_met", "SUCCESS", [](Task& given) { ends_with(given, 0); }, true, ""},
        Dependency{"success_never", "SUCCESS", [](Task& given) { ends_with(given, 9); }, false,
                   "TaskDependencyError: container dependent waits for app to be SUCCESS: it has ended with "
                   "exit code 9"},
        Dependency{"healthy_waits", "HEALTHY", runs, false, ""},
        Dependency{"healthy_met", "HEALTHY", is_healthy, true, ""},
        Dependency{"healthy_never", "HEALTHY", [](Task& given) { ends_with(given, 0); }, false,
                   "TaskDependencyError"}),
    [](const auto& test) { return test.param.name; });

TEST(TaskSteps, StartTimeoutBoundsADependency) {
  auto payload = sample_task();
  payload.containers[0].start_timeout = 60;
  add_container(payload, "dependent", true).depends_on = {{"app", "HEALTHY"}};
  auto task = record_of(payload);
  observe(task, 0, running(), start_of_time);
  judge(task, {}, start_of_time + seconds(59));
  EXPECT_EQ(next_steps(task, {}, start_of_time + seconds(59)).again, start_of_time + seconds(60));
  judge(task, {}, start_of_time + seconds(60));
  EXPECT_TRUE(task.record.stop_wanted);
  EXPECT_THAT(task.record.reason, HasSubstr("start timeout"));
}

TEST(TaskSteps, ContainersWithoutDependenciesBeginTogether) {
  auto payload = sample_task();
  add_container(payload, "two", true);
  auto task = record_of(payload);
  EXPECT_THAT(steps_of(task), UnorderedElementsAre(Step{StepKind::pull, 0}, Step{StepKind::pull, 1}));
}

TEST(TaskJson, RoundTripsWithoutCredentials) {
  auto payload = sample_task();
  payload.execution_role_credentials.emplace();
  payload.execution_role_credentials->credentials_id = "c-1";
  payload.execution_role_credentials->secret_access_key = Secret("very-secret");
  auto task = record_of(payload);
  observe(task, 0, exited(7), start_of_time);
  task.record.reason = "x";
  const auto text = to_json_text(task);
  EXPECT_THAT(text, testing::Not(HasSubstr("very-secret")));
  const auto back = parse_task(text, "task.json");
  ASSERT_OK(back);
  EXPECT_EQ(back->payload.containers[0].image, "busybox:1");
  EXPECT_EQ(back->record.containers[0].exit_code, 7);
  EXPECT_EQ(back->record.containers[0].finished_at, start_of_time + seconds(5));
  EXPECT_EQ(to_json_text(*back), text);
  EXPECT_ERROR(parse_task("{}", "task.json"), ErrorKind::invalid, HasSubstr("task.json"));
}

}  // namespace
}  // namespace gantry::agent
