#include "controlplane/acs_payload.h"

#include "tests/controlplane/scheduling_world.h"

namespace gantry::controlplane {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

const Identity identity;
const RegistryLogins no_registries;
const PayloadOrigin origin{identity, no_registries};

Task task_of(const TaskDefinition& definition) {
  Task task;
  task.task_arn = "arn:aws:ecs:us-east-1:123456789012:task/default/1";
  task.cluster_arn = "arn:aws:ecs:us-east-1:123456789012:cluster/default";
  task.task_definition_arn = definition.task_definition_arn;
  return task;
}

TEST(AcsPayload, TaskSizesAreInTheAgentsUnits) {
  auto definition = test::web_definition({}, 3);
  auto payload = payload_task(task_of(definition), definition, origin);
  EXPECT_EQ(payload.version, "3");
  EXPECT_FALSE(payload.cpu) << "no ceiling without a task size";
  EXPECT_FALSE(payload.memory);
  definition.cpu = "256";
  definition.memory = "128";
  auto task = task_of(definition);
  payload = payload_task(task, definition, origin);
  EXPECT_EQ(payload.cpu, 0.25);
  EXPECT_EQ(payload.memory, 128);
  task.overrides.cpu = "512";
  EXPECT_EQ(payload_task(task, definition, origin).cpu, 0.5);
  task.desired_status = api::DesiredStatus::stopped;
  EXPECT_EQ(payload_task(task, definition, origin).desired_status, "STOPPED");
}

TEST(AcsPayload, OverridesWin) {
  auto definition = test::web_definition({}, 1);
  definition.container_definitions[0].command = {"nginx"};
  definition.container_definitions[0].environment = {{"A", "1"}, {"B", "2"}};
  auto task = task_of(definition);
  api::ContainerOverride override_;
  override_.name = "app";
  override_.command = {"sleep", "1"};
  override_.environment = {{"B", "3"}};
  override_.memory = 99;
  task.overrides.container_overrides = {override_};
  const auto container = payload_task(task, definition, origin).containers.at(0);
  EXPECT_THAT(container.command, ElementsAre("sleep", "1"));
  EXPECT_THAT(container.environment, ElementsAre(Pair("A", "1"), Pair("B", "3")));
  EXPECT_EQ(container.memory, 99);
}

TEST(AcsPayload, AnImageThatItsDeploymentHasPinnedGoesByDigest) {
  const auto definition = test::web_definition({}, 1);
  auto task = task_of(definition);
  EXPECT_EQ(payload_task(task, definition, origin).containers.at(0).image, "127.0.0.1:5000/ns1/web:v1");
  task.containers.emplace_back().name = "app";
  task.containers[0].image = "127.0.0.1:5000/ns1/web@sha256:aa";
  EXPECT_EQ(payload_task(task, definition, origin).containers.at(0).image,
            "127.0.0.1:5000/ns1/web@sha256:aa");
}

TEST(AcsPayload, PortsDependOnTheNetworkMode) {
  auto definition = test::web_definition({}, 1);
  definition.container_definitions[0].port_mappings = {{80, std::nullopt, "tcp"}, {53, 5353, "udp"}};
  auto ports = payload_task(task_of(definition), definition, origin).containers.at(0).port_mappings;
  EXPECT_EQ(ports[0].host_port, 0) << "dynamic";
  EXPECT_EQ(ports[1].host_port, 5353);
  definition.network_mode = "host";
  ports = payload_task(task_of(definition), definition, origin).containers.at(0).port_mappings;
  EXPECT_EQ(ports[0].host_port, 80);
}

TEST(AcsPayload, TheHostsNamespacesAreAskedForByTheTask) {
  auto definition = test::web_definition({}, 1);
  EXPECT_EQ(payload_task(task_of(definition), definition, origin).pid_mode, "");
  definition.pid_mode = definition.ipc_mode = "host";
  const auto payload = payload_task(task_of(definition), definition, origin);
  EXPECT_EQ(payload.pid_mode, "host");
  EXPECT_EQ(payload.ipc_mode, "host");
}

TEST(AcsPayload, TheRestTravelsInDockersForm) {
  auto definition = test::web_definition({}, 1);
  auto& container = definition.container_definitions[0];
  container.user = "1000:1000";
  container.memory_reservation = 32;
  container.health_check = api::HealthCheck{{"CMD-SHELL", "curl -f localhost"}, 10, 3, 2, 7};
  container.ulimits = {{"nofile", 1024, 2048}};
  container.privileged = false;
  container.readonly_root_filesystem = true;
  container.extra_hosts = {{"db", "10.0.0.1"}};
  api::LinuxParameters parameters;
  parameters.capabilities = api::KernelCapabilities{{"SYS_PTRACE"}, {"NET_RAW"}};
  parameters.devices = {{"/dev/fuse", "", {"read", "write"}}};
  parameters.shared_memory_size = 128;
  parameters.tmpfs = {{"/run", 16, {"noexec"}}};
  parameters.max_swap = 10;
  container.linux_parameters = parameters;
  const auto payload = payload_task(task_of(definition), definition, origin).containers.at(0);
  EXPECT_EQ(payload.health_check_type, "DOCKER");
  ASSERT_TRUE(payload.docker_config);
  EXPECT_EQ(payload.docker_config->version, "1.24");
  EXPECT_EQ(payload.docker_config->config,
            R"({"User":"1000:1000","Healthcheck":{"Test":["CMD-SHELL","curl -f localhost"],)"
            R"("Interval":10000000000,"Timeout":3000000000,"StartPeriod":7000000000,"Retries":2}})");
  EXPECT_EQ(
      payload.docker_config->host_config,
      R"({"NetworkMode":"bridge","MemoryReservation":33554432,"MemorySwap":77594624,)"
      R"("CapAdd":["SYS_PTRACE"],"CapDrop":["NET_RAW"],)"
      R"("Devices":[{"PathOnHost":"/dev/fuse","PathInContainer":"/dev/fuse","CgroupPermissions":"rw"}],)"
      R"("ShmSize":134217728,"Tmpfs":{"/run":"noexec,size=16m"},)"
      R"("Ulimits":[{"Name":"nofile","Soft":1024,"Hard":2048}],"ExtraHosts":["db:10.0.0.1"],)"
      R"("ReadonlyRootfs":true})");
}

TEST(AcsPayload, OnlyAmazonsRegistriesAskForItsTokens) {
  auto definition = test::web_definition({}, 1);
  EXPECT_FALSE(
      payload_task(task_of(definition), definition, origin).containers.at(0).registry_authentication);
  definition.container_definitions[0].image = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/web:1";
  const auto authentication =
      payload_task(task_of(definition), definition, origin).containers.at(0).registry_authentication;
  ASSERT_TRUE(authentication);
  EXPECT_EQ(authentication->type, "ecr");
  EXPECT_EQ(authentication->ecr_auth_data->registry_id, "111122223333");
  EXPECT_EQ(authentication->ecr_auth_data->region, "eu-west-1");
}

TEST(AcsPayload, AKnownRegistryAsksForTokensAtItsOwnApi) {
  RegistryLogins registries;
  ASSERT_OK(registries.add("127.0.0.1:5000"));
  ASSERT_OK(registries.add("Registry.example:5000=https://ecr.example"));
  const PayloadOrigin known{identity, registries};
  auto definition = test::web_definition({}, 1);
  auto& image = definition.container_definitions[0].image;
  const auto endpoint = [&](const std::string& text) -> std::string {
    image = text;
    const auto container = payload_task(task_of(definition), definition, known).containers.at(0);
    if (!container.registry_authentication) return "none";
    const auto& data = *container.registry_authentication->ecr_auth_data;
    EXPECT_EQ(container.registry_authentication->type, "ecr");
    EXPECT_EQ(data.registry_id, identity.account);
    EXPECT_EQ(data.region, identity.region);
    EXPECT_FALSE(data.use_execution_role);
    return data.endpoint_override;
  };
  EXPECT_EQ(endpoint("127.0.0.1:5000/ns1/web:v1"), "http://127.0.0.1:5000");
  EXPECT_EQ(endpoint("registry.example:5000/web"), "https://ecr.example");
  EXPECT_EQ(endpoint("REGISTRY.example:5000/web@sha256:" + std::string(64, 'a')), "https://ecr.example");
  EXPECT_EQ(endpoint("registry.example/web"), "none") << "another port is another registry";
  EXPECT_EQ(endpoint("web:v1"), "none") << "docker.io's";
}

TEST(AcsPayload, AnAmazonRegistryMayBeAskedElsewhere) {
  RegistryLogins registries;
  ASSERT_OK(registries.add("1.dkr.ecr.eu-west-1.amazonaws.com=https://vpce.example"));
  const auto found = registries.authentication("1.dkr.ecr.eu-west-1.amazonaws.com/web", identity);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->ecr_auth_data->endpoint_override, "https://vpce.example");
}

}  // namespace
}  // namespace gantry::controlplane
