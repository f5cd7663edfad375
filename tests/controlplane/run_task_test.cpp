#include "tests/controlplane/control_fixture.h"

// RunTask, StartTask, StopTask, DescribeTasks and ListTasks over real HTTP; the test plays the agent.

namespace gantry::controlplane::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

using RunTaskTest = ControlTest;

TEST_F(RunTaskTest, ATasksLife) {
  const auto instance = register_instance();
  const auto definition = register_web();
  auto task = call("RunTask", {{"taskDefinition", "web"}, {"startedBy", "me"}})["tasks"][0];
  const std::string arn = task["taskArn"];
  EXPECT_EQ(task["lastStatus"], "PENDING");
  EXPECT_EQ(task["desiredStatus"], "RUNNING");
  EXPECT_EQ(task["containerInstanceArn"], instance);
  EXPECT_EQ(task["taskDefinitionArn"], definition);
  EXPECT_EQ(task["cpu"], "256");
  EXPECT_EQ(task["overrides"]["containerOverrides"], Json::array({{{"name", "app"}}}));
  EXPECT_EQ(call("DescribeContainerInstances",
                 {{"containerInstances",
                   {instance}}})["containerInstances"][0]["remainingResources"][0]["integerValue"],
            2048 - 256);
  report(arn, "RUNNING", Json::parse(R"([{"containerName":"app","status":"RUNNING","runtimeId":"cafe",
    "networkBindings":[{"bindIP":"0.0.0.0","containerPort":80,"hostPort":32768,"protocol":"tcp"}]}])"));
  task = call("DescribeTasks", {{"tasks", {arn}}})["tasks"][0];
  EXPECT_EQ(task["lastStatus"], "RUNNING");
  EXPECT_EQ(task["containers"][0]["networkBindings"][0]["hostPort"], 32768);
  EXPECT_EQ(call("ListTasks", {{"startedBy", "me"}})["taskArns"], Json::array({arn}));
  EXPECT_EQ(error_of("DeregisterContainerInstance", {{"containerInstance", instance}}),
            "InvalidParameterException: Found running tasks on the instance.");
  task = call("StopTask", {{"task", arn}, {"reason", "enough"}})["task"];
  EXPECT_EQ(task["desiredStatus"], "STOPPED");
  EXPECT_EQ(task["lastStatus"], "RUNNING");
  EXPECT_EQ(task["stopCode"], "UserInitiated");
  report(arn, "STOPPED", Json::parse(R"([{"containerName":"app","status":"STOPPED","exitCode":143}])"));
  restart();
  task = call("DescribeTasks", {{"tasks", {arn}}})["tasks"][0];
  EXPECT_EQ(task["lastStatus"], "STOPPED");
  EXPECT_EQ(task["stoppedReason"], "enough");
  EXPECT_EQ(task["containers"][0]["exitCode"], 143);
  EXPECT_EQ(call("ListTasks", {{"desiredStatus", "STOPPED"}})["taskArns"], Json::array({arn}));
  EXPECT_EQ(running_tasks(), std::vector<std::string>{});
}

TEST_F(RunTaskTest, ARepeatedTokenGivesTheSameTasksAlsoAfterARestart) {
  register_instance();
  register_web();
  const Json request = {{"taskDefinition", "web"}, {"count", 2}, {"clientToken", "t-1"}};
  const auto first = call("RunTask", request);
  ASSERT_EQ(first["tasks"].size(), 2);
  restart();
  const auto second = call("RunTask", request);
  EXPECT_EQ(second["tasks"][0]["taskArn"], first["tasks"][0]["taskArn"]);
  EXPECT_EQ(running_tasks().size(), 2);
  const auto clash = error_of("RunTask", {{"taskDefinition", "web"}, {"clientToken", "t-1"}});
  EXPECT_THAT(clash, StartsWith("ConflictException"));
  EXPECT_THAT(clash, HasSubstr(std::string(first["tasks"][0]["taskArn"])));
}

TEST_F(RunTaskTest, WhatFindsNoPlaceIsAFailureOfEachHost) {
  const auto instance = register_instance(512, 4096);
  register_web();
  const auto answer = call("RunTask", {{"taskDefinition", "web"}, {"count", 3}});
  EXPECT_EQ(answer["tasks"].size(), 2);
  EXPECT_EQ(answer["failures"], Json::array({{{"arn", instance}, {"reason", "RESOURCE:CPU"}}}));
}

TEST_F(RunTaskTest, AMissingAttributeIsNamed) {
  const auto instance = register_instance();
  register_web({{"privileged", true}});
  const Json failures =
      Json::array({{{"arn", instance},
                    {"reason", "ATTRIBUTE"},
                    {"detail", "missing attributes: com.amazonaws.ecs.capability.privileged-container"}}});
  EXPECT_EQ(call("RunTask", {{"taskDefinition", "web"}})["failures"], failures);
  EXPECT_EQ(call("StartTask", {{"taskDefinition", "web"}, {"containerInstances", {instance}}})["failures"],
            failures);
}

TEST_F(RunTaskTest, OverridesFollowTheRulesOfTaskDefinitions) {
  register_instance();
  register_web({{"memoryReservation", 32}});
  const auto error = [&](const Json& override, const Json& task = Json::object()) {
    Json overrides = {{"containerOverrides", Json::array({override})}};
    overrides.update(task);
    return error_of("RunTask", {{"taskDefinition", "web"}, {"overrides", overrides}});
  };
  EXPECT_THAT(error({{"name", "app"}, {"memory", 3}}), HasSubstr("Memory must be at least 6 MiB, found 3"));
  EXPECT_THAT(error({{"name", "app"}, {"memory", 16}}),
              HasSubstr("The 'memory' (16) must be greater than the 'memoryReservation' (32)"));
  EXPECT_THAT(error({{"name", "app"}, {"cpu", -1}}), HasSubstr("cpu must be between 0"));
  EXPECT_THAT(error({{"name", "app"}, {"environment", Json::array({{{"name", ""}, {"value", "x"}}})}}),
              HasSubstr("environment variable name ''"));
  EXPECT_THAT(error({{"name", "app"}}, {{"memory", "32"}}), HasSubstr("greater than for the task"));
  EXPECT_THAT(error({{"name", "app"}, {"environmentFiles", Json::array({{{"value", "s"}, {"type", "s3"}}})}}),
              StartsWith("UnsupportedFeatureException: environmentFiles"));
  EXPECT_EQ(
      error_of("RunTask", {{"taskDefinition", "web"},
                           {"overrides",
                            {{"containerOverrides", Json::array({{{"name", "app"}}, {{"name", "app"}}})}}}}),
      "InvalidParameterException: Container named app is overridden twice.");
  EXPECT_EQ(error({{"name", "app"}, {"memory", 128}}, {{"executionRoleArn", "role"}}), "");
}

TEST_F(RunTaskTest, AnExecutionRoleIsRefusedWhereItWouldBeUsed) {
  register_instance();
  register_web({{"logConfiguration", {{"logDriver", "awslogs"}}}});
  EXPECT_THAT(error_of("RunTask", {{"taskDefinition", "web"}, {"overrides", {{"executionRoleArn", "role"}}}}),
              StartsWith("ClientException: executionRoleArn 'role' is not supported"));
}

TEST_F(RunTaskTest, StartTaskNamesItsInstances) {
  const auto instance = register_instance();
  register_web();
  const auto answer =
      call("StartTask", {{"taskDefinition", "web"}, {"containerInstances", {instance, "none"}}});
  EXPECT_EQ(answer["tasks"].size(), 1);
  EXPECT_EQ(answer["failures"][0]["reason"], "MISSING");
}

TEST_F(RunTaskTest, ForcedDeregistrationStopsTasks) {
  const auto instance = register_instance();
  register_web();
  const std::string arn = call("RunTask", {{"taskDefinition", "web"}})["tasks"][0]["taskArn"];
  EXPECT_EQ(call("DeregisterContainerInstance",
                 {{"containerInstance", instance}, {"force", true}})["containerInstance"]["status"],
            "INACTIVE");
  const auto task = call("DescribeTasks", {{"tasks", {arn}}})["tasks"][0];
  EXPECT_EQ(task["lastStatus"], "STOPPED");
  EXPECT_EQ(task["stoppedReason"], "Container instance deregistration forced by user");
}

TEST_F(RunTaskTest, Errors) {
  register_web();
  EXPECT_EQ(error_of("RunTask", {{"taskDefinition", "web"}}),
            "InvalidParameterException: No Container Instances were found in your cluster.");
  register_instance();
  const std::pair<Json, const char*> cases[] = {
      {{{"taskDefinition", "none"}}, "ClientException: TaskDefinition not found."},
      {{{"taskDefinition", "web"}, {"cluster", "none"}}, "ClusterNotFoundException: Cluster not found."},
      {{{"taskDefinition", "web"}, {"count", 11}},
       "InvalidParameterException: count must be between 1 and 10."},
      {{{"taskDefinition", "web"}, {"launchType", "MOON"}},
       "InvalidParameterException: launch type should be one of [EC2,FARGATE,EXTERNAL]"},
      {{{"taskDefinition", "web"}, {"overrides", {{"containerOverrides", Json::array({{{"name", "x"}}})}}}},
       "InvalidParameterException: Override for container named x is not a container in the TaskDefinition."},
      {{{"taskDefinition", "web"}, {"networkConfiguration", {{"awsvpcConfiguration", {{"subnets", {"s"}}}}}}},
       "InvalidParameterException: Network Configuration is not valid for the given networkMode of this task "
       "definition."},
  };
  for (const auto& [request, message] : cases) EXPECT_EQ(error_of("RunTask", request), message);
  EXPECT_THAT(error_of("RunTask", {{"taskDefinition", "web"}, {"referenceId", std::string(1025, 'x')}}),
              HasSubstr("referenceId must have at most 1024"));
  EXPECT_THAT(error_of("ListTasks", {{"daemonName", "d"}}),
              StartsWith("UnsupportedFeatureException: daemonName"));
  EXPECT_EQ(error_of("StopTask", {{"task", "none"}}),
            "InvalidParameterException: The referenced task was not found.");
  EXPECT_EQ(error_of("DescribeTasks"), "InvalidParameterException: Tasks cannot be empty.");
  EXPECT_EQ(call("DescribeTasks", {{"tasks", {"none"}}})["failures"][0]["reason"], "MISSING");
  EXPECT_EQ(error_of("DescribeTasks", {{"tasks", {"arn:aws:ecs:us-east-1:123456789012:task/other/1"}}}),
            "InvalidParameterException: Identifier is for cluster other. Your cluster is default");
  call("DeregisterTaskDefinition", {{"taskDefinition", "web:1"}});
  EXPECT_EQ(error_of("RunTask", {{"taskDefinition", "web:1"}}),
            "ClientException: TaskDefinition is inactive");
}

}  // namespace
}  // namespace gantry::controlplane::test
