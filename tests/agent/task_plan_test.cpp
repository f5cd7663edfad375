#include "agent/task_plan.h"

#include "tests/agent/sample_task.h"
#include "tests/support/results.h"

#include <functional>

namespace gantry::agent {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

const HostCapabilities able{4096, 8000, "x86_64", true, true};

Config config_in(const std::string& folder) {
  Config config;
  config.data_directory = folder;
  return config;
}

TEST(TaskPlan, CarriesThePayloadIntoTheSpec) {
  auto payload = sample_task();
  auto& app = payload.containers[0];
  app.command = {"sleep", "600"};
  app.environment = {{"A", "b"}};
  app.port_mappings = {{80, 0, "tcp", {}}, {53, 5353, "udp", {}}};
  app.stop_timeout = 12;
  app.restart_policy = api::PayloadRestartPolicy{true, {0, 42}, 60};
  app.health_check_type = "DOCKER";
  app.docker_config.emplace();
  app.docker_config->config =
      R"({"User":"1000","Healthcheck":{"Test":["CMD-SHELL","true"],"Interval":5000000000,"Retries":2}})";
  app.docker_config->host_config =
      R"({"MemoryReservation":33554432,"CapDrop":["NET_RAW"],"Ulimits":[{"Name":"nofile","Soft":10,"Hard":20}],)"
      R"("ReadonlyRootfs":true,"LogConfig":{"Type":"json-file","Config":{"max-size":"1m"}},"Tmpfs":{"/t":"size=1m"}})";
  const auto config = config_in("/data");
  ASSERT_OK(check_task(payload, config, able));
  const auto spec = plan_container(payload, 0, config);
  ASSERT_OK(spec);
  EXPECT_EQ(spec->name, "ecs-web-3-app-fedcba98");
  EXPECT_EQ(spec->image, "busybox:1");
  EXPECT_THAT(spec->command, ElementsAre("sleep", "600"));
  EXPECT_THAT(spec->environment, ElementsAre("A=b"));
  EXPECT_EQ(spec->network, "bridge");
  ASSERT_EQ(spec->ports.size(), 2u);
  EXPECT_EQ(spec->ports[1].protocol, engine::Protocol::udp);
  EXPECT_EQ(spec->ports[1].host_port, 5353);
  EXPECT_EQ(spec->resources.memory, int64_t{64} << 20);
  EXPECT_EQ(spec->resources.memory_reservation, 33554432);
  EXPECT_EQ(spec->resources.cpu_shares, 128u);
  EXPECT_EQ(spec->cgroup_parent, "/gantry/ecs/fedcba98");
  EXPECT_EQ(spec->user, "1000");
  EXPECT_TRUE(spec->read_only_root);
  EXPECT_EQ(spec->health->test.at(1), "true");
  EXPECT_EQ(spec->health->interval, std::chrono::seconds(5));
  EXPECT_EQ(spec->health->retries, 2u);
  EXPECT_EQ(spec->restart.attempt_period, std::chrono::seconds(60));
  EXPECT_THAT(spec->restart.ignored_exit_codes, ElementsAre(0, 42));
  EXPECT_EQ(spec->ulimits.at(0).hard, 20u);
  EXPECT_EQ(spec->stop_timeout, std::chrono::seconds(12));
  EXPECT_EQ(spec->log.maximum_size, uint64_t{1} << 20);
  EXPECT_EQ(spec->labels.at("com.amazonaws.ecs.container-name"), "app");
  EXPECT_EQ(spec->mounts.at(0).destination, "/t");
}

TEST(TaskPlan, TasksCeilingsBecomeTheGroups) {
  auto payload = sample_task();
  auto config = config_in("/data");
  config.task_pids_limit = 100;
  const auto group = plan_group(payload, config);
  EXPECT_EQ(group.path, "/gantry/ecs/fedcba98");
  EXPECT_EQ(group.cpu_quota, 25'000);
  EXPECT_EQ(group.cpu_period, 100'000);
  EXPECT_EQ(group.cpu_shares, 256u);
  EXPECT_EQ(group.memory, int64_t{128} << 20);
  EXPECT_EQ(group.pids, 100);
  payload.cpu.reset();
  payload.memory.reset();
  const auto open = plan_group(payload, config);
  EXPECT_FALSE(open.cpu_quota.has_value());
  EXPECT_FALSE(open.memory.has_value());
  EXPECT_EQ(open.cpu_shares, 128u);
}

TEST(TaskPlan, VolumesAreHostFoldersOrTheTasksOwn) {
  auto payload = sample_task();
  payload.volumes = {{"data", "host", api::PayloadVolumeHost{"/srv/data"}, {}}, {"scratch", "", {}, {}}};
  payload.containers[0].mount_points = {{"data", "/data", true}, {"scratch", "/scratch", false}};
  add_container(payload, "two", false).volumes_from = {{"app", true}};
  payload.containers[1].mount_points.clear();
  const auto config = config_in("/agent");
  const auto first = plan_container(payload, 0, config);
  ASSERT_OK(first);
  EXPECT_EQ(first->mounts.at(0).source, "/srv/data");
  EXPECT_TRUE(first->mounts.at(0).read_only);
  EXPECT_EQ(first->mounts.at(1).source, "/agent/volumes/fedcba98/scratch");
  const auto second = plan_container(payload, 1, config);
  ASSERT_OK(second);
  ASSERT_EQ(second->mounts.size(), 2u);
  EXPECT_TRUE(second->mounts.at(1).read_only);
}

TEST(TaskPlan, TheHostsProcessIdsAndIpcAreShared) {
  auto payload = sample_task();
  EXPECT_EQ(plan_container(payload, 0, {})->pid_mode, "");
  payload.pid_mode = payload.ipc_mode = "host";
  ASSERT_OK(check_task(payload, {}, able));
  const auto spec = plan_container(payload, 0, {});
  ASSERT_OK(spec);
  EXPECT_EQ(spec->pid_mode, "host");
  EXPECT_EQ(spec->ipc_mode, "host");
  payload.pid_mode.clear();
  payload.ipc_mode = "none";
  ASSERT_OK(check_task(payload, {}, able));
  EXPECT_EQ(plan_container(payload, 0, {})->ipc_mode, "") << "its own";
}

TEST(TaskPlan, OverridesReplaceTheCommand) {
  auto payload = sample_task();
  payload.containers[0].command = {"a"};
  payload.containers[0].overrides = R"({"command":["b","c"]})";
  EXPECT_THAT(plan_container(payload, 0, {})->command, ElementsAre("b", "c"));
}

struct Refused {
  const char* name;
  std::function<void(api::PayloadTask&)> change;
  const char* reason;
};
class TaskCheck : public testing::TestWithParam<Refused> {};

TEST_P(TaskCheck, NamesWhatItCannotHonour) {
  auto payload = sample_task();
  GetParam().change(payload);
  const auto checked = check_task(payload, {}, able);
  ASSERT_FALSE(bool(checked));
  EXPECT_THAT(checked.error().message(), HasSubstr(GetParam().reason));
}

void with_host_config(api::PayloadTask& task, const char* text) {
  task.containers[0].docker_config.emplace();
  task.containers[0].docker_config->host_config = text;
}

INSTANTIATE_TEST_SUITE_P(
    , TaskCheck,
    testing::Values(
        Refused{"awsvpc", [](auto& given) { given.network_mode = "awsvpc"; }, "network mode awsvpc"},
        Refused{"pid", [](auto& given) { given.pid_mode = "task"; }, "pidMode task"},
        Refused{"ipc", [](auto& given) { given.ipc_mode = "task"; }, "ipcMode task"},
        Refused{"secrets",
                [](auto& given) {
                  given.containers[0].secrets = {{"TOKEN", "x", "ssm", "", "", ""}};
                },
                "ResourceInitializationError: container app: secret TOKEN"},
        Refused{"links", [](auto& given) { given.containers[0].links = {"db"}; }, "links"},
        Refused{"ranges",
                [](auto& given) {
                  given.containers[0].port_mappings = {{0, 0, "tcp", "80-90"}};
                },
                "containerPortRange 80-90"},
        Refused{"memory", [](auto& given) { given.containers[0].memory = 256; },
                "container memory limit(256) greater than task memory limit(128)"},
        Refused{"log", [](auto& given) { with_host_config(given, R"({"LogConfig":{"Type":"awslogs"}})"); },
                "logDriver awslogs"},
        Refused{"apparmor", [](auto& given) { with_host_config(given, R"({"SecurityOpt":["apparmor:x"]})"); },
                "dockerSecurityOptions apparmor:x"},
        Refused{"swappiness", [](auto& given) { with_host_config(given, R"({"MemorySwappiness":10})"); },
                "swappiness"},
        Refused{"host_config", [](auto& given) { with_host_config(given, R"({"CpusetCpus":"0"})"); },
                "container app: dockerConfig.hostConfig CpusetCpus"},
        Refused{"other_network", [](auto& given) { with_host_config(given, R"({"NetworkMode":"host"})"); },
                "NetworkMode host differs from the task's networkMode bridge"},
        Refused{"protocol",
                [](auto& given) {
                  given.containers[0].port_mappings = {{80, 0, "sctp", {}}};
                },
                "protocol sctp of port 80"},
        Refused{"no_network",
                [](auto& given) {
                  given.network_mode = "none";
                  given.containers[0].port_mappings = {{80, 0, "tcp", {}}};
                },
                "portMappings need a network, found networkMode none"},
        Refused{"network_disabled",
                [](auto& given) {
                  given.containers[0].docker_config.emplace();
                  given.containers[0].docker_config->config = R"({"NetworkDisabled":true})";
                  given.containers[0].port_mappings = {{80, 0, "tcp", {}}};
                },
                "portMappings need a network, found NetworkDisabled"},
        Refused{"health_check_type", [](auto& given) { given.containers[0].health_check_type = "DOCKER"; },
                "healthCheckType DOCKER needs a Healthcheck"},
        Refused{"no_log",
                [](auto& given) {
                  with_host_config(given, R"({"LogConfig":{"Type":"none","Config":{"max-size":"1m"}}})");
                },
                "log option max-size"},
        Refused{"overrides", [](auto& given) { given.containers[0].overrides = R"({"cpu":7})"; },
                "container app: overrides.cpu"},
        Refused{"execution_role",
                [](auto& given) {
                  given.containers[0].registry_authentication = {
                      "ecr", api::PayloadEcrAuthData{"1", "eu-west-1", "", true}};
                },
                "useExecutionRole"},
        Refused{"desired_status", [](auto& given) { given.desired_status = "PAUSED"; },
                "desiredStatus PAUSED"},
        Refused{"unmounted_volume",
                [](auto& given) {
                  given.volumes = {{"v", "ebs", {}, {}}};
                },
                "volume v: type ebs"},
        Refused{"mounted_twice",
                [](auto& given) {
                  given.volumes = {{"v", "", {}, {}}};
                  given.containers[0].mount_points = {{"v", "/v", false}, {"v", "/v", true}};
                },
                "a containerPath is given twice"},
        Refused{"broken", [](auto& given) { with_host_config(given, R"({"CapAdd":7})"); }, "$.CapAdd"},
        Refused{"efs",
                [](auto& given) {
                  given.volumes = {{"v", "efs", {}, {}}};
                  given.containers[0].mount_points = {{"v", "/v", false}};
                },
                "volume v: type efs"},
        Refused{"no_volume",
                [](auto& given) {
                  given.containers[0].mount_points = {{"v", "/v", false}};
                },
                "there is no volume \"v\""},
        Refused{"volume_path",
                [](auto& given) {
                  given.volumes = {{"../../etc", "", {}, {}}};
                  given.containers[0].mount_points = {{"../../etc", "/v", false}};
                },
                "volume name"},
        Refused{"depends",
                [](auto& given) {
                  given.containers[0].depends_on = {{"db", "START"}};
                },
                "there is no container db"},
        Refused{"role",
                [](auto& given) {
                  given.role_credentials.emplace();
                  given.role_credentials->credentials_id = "c";
                  given.role_credentials->role_arn = "arn:role";
                },
                "taskRoleArn arn:role"}),
    [](const auto& test) { return test.param.name; });

TEST(TaskCheckLimits, HostThatCannotEnforceRefusesUnlessBestEffort) {
  const HostCapabilities unable{4096, 8000, "x86_64", false, false};
  Config config;
  EXPECT_ERROR(check_task(sample_task(), config, unable), ErrorKind::unsupported,
               HasSubstr("cpu controller"));
  config.best_effort_limits = true;
  EXPECT_OK(check_task(sample_task(), config, unable));
}

}  // namespace
}  // namespace gantry::agent
