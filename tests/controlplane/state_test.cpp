#include "controlplane/state.h"

#include "tests/support/results.h"

namespace gantry::controlplane {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Task task_on(const std::string& id, const std::string& instance, const std::string& service = "") {
  Task task;
  task.task_arn = id;
  task.cluster_arn = "c";
  task.container_instance_arn = instance;
  task.service_arn = service;
  return task;
}

TEST(State, IndexesFollowRecords) {
  State state({});
  Transaction transaction(state, 1);
  transaction.put(task_on("t1", "i1", "s"));
  transaction.put(task_on("t2", "i1"));
  EXPECT_THAT(state.tasks_of_instance("i1"), ElementsAre("t1", "t2"));
  EXPECT_THAT(state.tasks_of_service("s"), ElementsAre("t1"));
  transaction.put(task_on("t1", "i2", "s"));
  EXPECT_THAT(state.tasks_of_instance("i1"), ElementsAre("t2"));
  EXPECT_THAT(state.tasks_of_instance("i2"), ElementsAre("t1"));
  transaction.remove_task("t1");
  EXPECT_THAT(state.tasks_of_service("s"), IsEmpty());
  EXPECT_THAT(state.tasks_of_cluster("c"), ElementsAre("t2"));
}

TEST(Transaction, UndoBringsBackRecordsAndIndexes) {
  State state({});
  Transaction transaction(state, 1);
  transaction.put(task_on("t1", "i1"));
  const auto mark = transaction.mark();
  transaction.put(task_on("t1", "i2"));
  transaction.put(task_on("t2", "i2"));
  transaction.remove_task("t1");
  transaction.undo_to(mark);
  EXPECT_THAT(state.tasks_of_instance("i1"), ElementsAre("t1"));
  EXPECT_THAT(state.tasks_of_instance("i2"), IsEmpty());
  EXPECT_EQ(state.task("t2"), nullptr);
  EXPECT_EQ(state.task("t1")->version, 1);
}

TEST(Transaction, StoresTheLastValueOfEachRecord) {
  State state({});
  Transaction transaction(state, 1);
  transaction.put(task_on("t1", "i1"));
  transaction.put(task_on("t1", "i2"));
  transaction.put(task_on("t2", "i1"));
  transaction.remove_task("t2");
  const auto stored = transaction.stored();
  ASSERT_EQ(stored.size(), 2);
  EXPECT_THAT(stored[0].value.value(), testing::HasSubstr("\"i2\""));
  EXPECT_EQ(state.task("t1")->version, 2);
  EXPECT_FALSE(stored[1].value);
}

TEST(State, ComesBackFromTheStoreAsItWas) {
  State state({});
  Transaction transaction(state, 1764000000.125);
  Task task = task_on("t1", "i1", "s");
  task.last_status = api::TaskStatus::running;
  task.started_at = 1764000000.125;
  task.stop_code = api::StopCode::user_initiated;
  transaction.put(task);
  Service service;
  service.service_arn = "s";
  service.cluster_arn = "c";
  service.progress["ecs-svc/1"].consecutive_failures = 3;
  service.deployments.push_back({.id = "ecs-svc/1", .task_definition = "d"});
  add_event(service, 1, "(service web) has reached a steady state.");
  transaction.put(service);
  TaskDefinition definition;
  definition.task_definition_arn = "d";
  definition.family = "web";
  definition.revision = 7;
  definition.container_definitions.push_back({.name = "app", .image = "busybox", .memory = 64});
  transaction.put(definition);
  MemoryStore store;
  ASSERT_OK(store.append(transaction.stored()));

  State again({});
  ASSERT_OK(again.load(store));
  EXPECT_EQ(to_json_text(*again.task("t1")), to_json_text(*state.task("t1")));
  EXPECT_EQ(to_json_text(*again.service("s")), to_json_text(*state.service("s")));
  EXPECT_EQ(again.service("s")->progress.at("ecs-svc/1").consecutive_failures, 3);
  EXPECT_EQ(again.revisions_of_family("web").at(7), "d");
  EXPECT_EQ(*again.task("t1")->started_at, 1764000000.125);
}

TEST(State, ARecordThatCannotBeReadIsNamed) {
  MemoryStore store;
  ASSERT_OK(store.append({{"task", "t1", "{\"taskArn\":7}"}}));
  State state({});
  EXPECT_ERROR(state.load(store), ErrorKind::corrupt, testing::HasSubstr("record t1 of table task"));
}

TEST(ServiceEvents, NewestFirstAndAtMostAHundred) {
  Service service;
  for (int i = 0; i < 150; ++i) add_event(service, i, std::to_string(i));
  EXPECT_EQ(service.events.size(), 100);
  EXPECT_EQ(service.events.front().message, "149");
}

}  // namespace
}  // namespace gantry::controlplane
