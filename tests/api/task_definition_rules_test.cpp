#include "api/task_definition_rules.h"

#include "api/ecs_task.h"
#include "tests/support/results.h"

namespace gantry::api {
namespace {

using testing::HasSubstr;

http::AwsResult<RegisterTaskDefinitionRequest> complete(const std::string& text) {
  auto request = parse_register_task_definition(text, "request");
  if (!request) return http::AwsError{"SerializationException", request.error().message()};
  TRY(complete_task_definition(*request));
  return *request;
}

std::string with_container(const std::string& members, const std::string& task_members = "") {
  return R"({"family":"web","containerDefinitions":[{"name":"app","image":"busybox:1","memory":64)" +
         (members.empty() ? "" : "," + members) + "}]" + (task_members.empty() ? "" : "," + task_members) +
         "}";
}

struct Bad {
  const char* what;
  std::string text;
  const char* message;
};

TEST(TaskDefinitionRules, RefusesWhatBreaksARuleAndSaysWhich) {
  const Bad cases[] = {
      {"no family", R"({"containerDefinitions":[{"name":"a","image":"b","memory":64}]})",
       "Family should not be null"},
      {"no containers", R"({"family":"web"})", "Container definitions should not be null or empty."},
      {"no name", R"({"family":"web","containerDefinitions":[{"image":"b","memory":64}]})",
       "Container.name should not be null or empty."},
      {"no image", R"({"family":"web","containerDefinitions":[{"name":"a","memory":64}]})",
       "Container.image should not be null or empty."},
      {"no memory", R"({"family":"web","containerDefinitions":[{"name":"a","image":"b"}]})",
       "Invalid setting for container 'a'. At least one of 'memory' or 'memoryReservation' must be "
       "specified."},
      {"little memory", with_container(R"("memoryReservation":4)"), "Memory must be at least 6 MiB, found 4"},
      {"reservation above limit", with_container(R"("memoryReservation":64)"), "must be greater than"},
      {"container above task", with_container("", R"("memory":"32")"),
       "The 'memory' setting for container is greater than for the task."},
      {"cpu above task", with_container(R"("cpu":512)", R"("cpu":"256")"),
       "sum of the containers' cpu (512)"},
      {"bad task cpu", with_container("", R"("cpu":"many")"), "Invalid 'cpu' setting for task: 'many'."},
      {"tiny task cpu", with_container("", R"("cpu":"1")"), "between 128 and 196608"},
      {"port", with_container(R"("portMappings":[{"containerPort":70000}])"), "between 1 and 65535"},
      {"protocol", with_container(R"("portMappings":[{"containerPort":80,"protocol":"sctp"}])"), "'sctp'"},
      {"same host port twice",
       with_container(
           R"("portMappings":[{"containerPort":80,"hostPort":80},{"containerPort":81,"hostPort":80}])"),
       "mapped twice"},
      {"host network",
       with_container(R"("portMappings":[{"containerPort":80,"hostPort":81}])", R"("networkMode":"host")"),
       "must match"},
      {"health check", with_container(R"("healthCheck":{"command":["true"]})"),
       "Invalid health check command"},
      {"health check interval", with_container(R"("healthCheck":{"command":["CMD","true"],"interval":1})"),
       "healthCheck.interval must be between 5 and 300, found 1"},
      {"unknown volume", with_container(R"("mountPoints":[{"sourceVolume":"v","containerPath":"/v"}])"),
       "Unknown volume 'v'."},
      {"no essential", with_container(R"("essential":false)"), "At least one container must be essential."},
      {"own dependency", with_container(R"("dependsOn":[{"containerName":"app","condition":"START"}])"),
       "not another container"},
      {"ulimit", with_container(R"("ulimits":[{"name":"files","softLimit":1,"hardLimit":1}])"),
       "Unknown ulimit"},
      {"sysctl", with_container(R"("systemControls":[{"namespace":"vm.swappiness","value":"1"}])"),
       "isn't namespaced"},
      {"log driver", with_container(R"("logConfiguration":{"logDriver":"paper"})"),
       "Unknown log driver 'paper'"},
      {"constraint", with_container("", R"("placementConstraints":[{"type":"distinctInstance"}])"),
       "memberOf"},
      {"reserved tag", with_container("", R"("tags":[{"key":"aws:x","value":""}])"), "reserved"},
      {"fargate", with_container("", R"("requiresCompatibilities":["FARGATE"])"),
       "Fargate only supports network mode 'awsvpc'."},
      {"network mode", with_container("", R"("networkMode":"mesh")"), "Invalid network mode 'mesh'"},
  };
  for (const auto& bad : cases) {
    const auto result = complete(bad.text);
    ASSERT_FALSE(result) << bad.what;
    EXPECT_THAT(result.error().message, HasSubstr(bad.message)) << bad.what;
    EXPECT_THAT(result.error().name, testing::AnyOf("ClientException", "InvalidParameterException"))
        << bad.what;
  }
}

TEST(TaskDefinitionRules, NamesWhatItCannotHonour) {
  const std::pair<std::string, const char*> cases[] = {
      {with_container(R"("firelensConfiguration":{"type":"fluentbit"})"),
       "firelensConfiguration of container 'app'"},
      {with_container(R"("secrets":[{"name":"A","valueFrom":"b"}])"), "secrets of container 'app'"},
      {with_container(R"("links":["db"])"), "links of container 'app'"},
      {with_container(
           R"("logConfiguration":{"logDriver":"json-file","secretOptions":[{"name":"a","valueFrom":"b"}]})"),
       "logConfiguration.secretOptions"},
      {with_container("", R"("proxyConfiguration":{"containerName":"app"})"), "proxyConfiguration"},
      {with_container("", R"("pidMode":"task")"), "pidMode"},
      {with_container("", R"("ipcMode":"task")"), "ipcMode"},
      {with_container("", R"("taskRoleArn":"arn:aws:iam::1:role/x")"), "taskRoleArn"},
      {with_container("", R"("networkMode":"awsvpc")"), "awsvpc"},
      {with_container("", R"("volumes":[{"name":"v","efsVolumeConfiguration":{"fileSystemId":"fs"}}])"),
       "efsVolumeConfiguration of volume 'v'"},
  };
  for (const auto& [text, name] : cases) {
    const auto result = complete(text);
    ASSERT_FALSE(result) << name;
    EXPECT_EQ(result.error().name, "ClientException");
    EXPECT_THAT(result.error().message, HasSubstr(name));
    EXPECT_THAT(result.error().message, HasSubstr("not supported"));
  }
}

TEST(TaskDefinitionRules, TheHostsNamespacesNeedAHostThatSharesThem) {
  const auto sharing = testing::Contains(Attribute{"ecs.capability.pid-ipc-namespace-sharing", "", "", ""});
  for (const auto* modes : {R"("pidMode":"host")", R"("ipcMode":"host")"}) {
    const auto result = complete(with_container("", modes));
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_THAT(result->definition.requires_attributes, sharing) << modes;
  }
  const auto own = complete(with_container("", R"("ipcMode":"none")"));
  ASSERT_TRUE(own);
  EXPECT_THAT(own->definition.requires_attributes, testing::Not(sharing));
}

// What a description of a task definition holds may be registered again.
TEST(TaskDefinitionRules, EmptyListsAskForNothing) {
  const auto result =
      complete(with_container(R"("links":[],"secrets":[],"volumesFrom":[],"systemControls":[])",
                              R"("pidMode":"","inferenceAccelerators":[],"ipcMode":"none")"));
  ASSERT_TRUE(result) << result.error().message;
}

TEST(TaskDefinitionRules, RefusesACycleOfDependencies) {
  const auto result = complete(R"({"family":"web","containerDefinitions":[
    {"name":"a","image":"x","memory":64,"dependsOn":[{"containerName":"b","condition":"START"}]},
    {"name":"b","image":"x","memory":64,"dependsOn":[{"containerName":"a","condition":"START"}]}]})");
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, HasSubstr("cycle"));
}

TEST(TaskDefinitionRules, HealthyNeedsAHealthCheck) {
  const auto result = complete(R"({"family":"web","containerDefinitions":[
    {"name":"a","image":"x","memory":64,"dependsOn":[{"containerName":"b","condition":"HEALTHY"}]},
    {"name":"b","image":"x","memory":64}]})");
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, HasSubstr("no health check"));
}

TEST(TaskDefinitionRules, FillsDefaults) {
  const auto result = complete(
      with_container(R"("portMappings":[{"containerPort":80}])", R"("cpu":".5 vCPU","memory":"1 GB")"));
  ASSERT_TRUE(result) << result.error().message;
  const auto& definition = result->definition;
  EXPECT_EQ(definition.network_mode, "bridge");
  EXPECT_EQ(definition.cpu, "512");
  EXPECT_EQ(definition.memory, "1024");
  const auto& container = definition.container_definitions.at(0);
  EXPECT_TRUE(container.essential.value());
  EXPECT_EQ(container.port_mappings.at(0).protocol, "tcp");
  EXPECT_EQ(container.port_mappings.at(0).host_port, 0);
  EXPECT_THAT(definition.compatibilities, testing::ElementsAre("EC2", "EXTERNAL"));
  EXPECT_THAT(definition.requires_attributes,
              testing::Contains(Attribute{"ecs.capability.task-cpu-mem-limit", "", "", ""}));
}

TEST(TaskDefinitionRules, HostNetworkTakesTheContainersPort) {
  const auto result =
      complete(with_container(R"("portMappings":[{"containerPort":80}])", R"("networkMode":"host")"));
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->definition.container_definitions.at(0).port_mappings.at(0).host_port, 80);
}

TEST(TaskDemand, TaskLevelWinsOverContainersAndOverridesOverBoth) {
  auto request = complete(R"({"family":"web","containerDefinitions":[
    {"name":"a","image":"x","cpu":100,"memory":200,"memoryReservation":50,"portMappings":[{"containerPort":80,"hostPort":8080}]},
    {"name":"b","image":"x","cpu":28,"memory":70}]})");
  ASSERT_TRUE(request) << request.error().message;
  auto& definition = request->definition;
  EXPECT_EQ(task_demand(definition, {}).cpu, 128);
  EXPECT_EQ(task_demand(definition, {}).memory, 120);
  EXPECT_THAT(task_demand(definition, {}).tcp_ports, testing::ElementsAre(8080));
  TaskOverride overrides;
  overrides.container_overrides.push_back({.name = "b", .memory = 500});
  EXPECT_EQ(task_demand(definition, overrides).memory, 550);
  definition.cpu = "256";
  EXPECT_EQ(task_demand(definition, overrides).cpu, 256);
  overrides.cpu = "512";
  EXPECT_EQ(task_demand(definition, overrides).cpu, 512);
}

}  // namespace
}  // namespace gantry::api
