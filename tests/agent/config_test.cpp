#include "agent/config.h"

#include "agent/backoff.h"
#include "agent/connection.h"
#include "agent/host_facts.h"
#include "agent/registration.h"
#include "base/files.h"
#include "tests/support/results.h"

namespace gantry::agent {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

Result<Config> config_of(std::vector<std::string> arguments,
                         std::map<std::string, std::string> environment = {},
                         const std::string& file = "/nowhere") {
  return TRY(read_config({std::move(arguments), std::move(environment), file})).config;
}

TEST(AgentConfig, FlagsWinOverEnvironmentOverFile) {
  const auto folder = TemporaryDirectory::make();
  ASSERT_OK(folder);
  const auto path = join_path(folder->path(), "ecs.config");
  ASSERT_OK(
      write_file(path, "# hosts\nECS_CLUSTER=file\nECS_DATADIR=\"/file\"\nAWS_DEFAULT_REGION=eu-west-1\n"));
  const auto config = config_of({"--cluster=flag"}, {{"ECS_CLUSTER", "env"}, {"ECS_DATADIR", "/env"}}, path);
  ASSERT_OK(config);
  EXPECT_EQ(config->cluster, "flag");
  EXPECT_EQ(config->data_directory, "/env");
  EXPECT_EQ(config->region, "eu-west-1");
}

TEST(AgentConfig, ReadsTheVariablesOfTheEcsAgent) {
  const auto config = config_of({}, {{"ECS_RESERVED_PORTS", "[22, 8080]"},
                                     {"ECS_BACKEND_HOST", "control.example.com"},
                                     {"ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION", "1h30m"},
                                     {"ECS_DYNAMIC_HOST_PORT_RANGE", "40000-40009"},
                                     {"ECS_INSTANCE_ATTRIBUTES", R"({"rack":"a"})"},
                                     {"ECS_IMAGE_PULL_BEHAVIOR", "prefer-cached"},
                                     {"ECS_IMAGE_CLEANUP_INTERVAL", "20m"},
                                     {"ECS_IMAGE_MINIMUM_CLEANUP_AGE", "30m"},
                                     {"ECS_NUM_IMAGES_DELETE_PER_CYCLE", "2"},
                                     {"ECS_EXCLUDE_UNTRACKED_IMAGE", "amazon/pause:1, web"},
                                     {"ECS_DISABLE_IMAGE_CLEANUP", "true"},
                                     {"ECS_ENABLE_TASK_ENI", "true"}});
  ASSERT_OK(config);
  EXPECT_THAT(config->reserved_ports, ElementsAre("22", "8080"));
  EXPECT_EQ(config->endpoint, "https://control.example.com");
  EXPECT_EQ(config->cleanup_wait, std::chrono::minutes(90));
  EXPECT_EQ(config->dynamic_ports.last, 40009);
  EXPECT_EQ(config->attributes.at("rack"), "a");
  EXPECT_EQ(config->pull_behavior, PullBehavior::prefer_cached);
  EXPECT_EQ(config->image_cleanup_interval, std::chrono::minutes(20));
  EXPECT_EQ(config->image_cleanup_age, std::chrono::minutes(30));
  EXPECT_EQ(config->images_removed_per_cycle, 2);
  EXPECT_THAT(config->image_cleanup_exclusions, ElementsAre("amazon/pause:1", "web"));
  EXPECT_TRUE(config->disable_image_cleanup);
  EXPECT_THAT(config->ignored, ElementsAre("ECS_ENABLE_TASK_ENI"));
  EXPECT_EQ(config_of({}, {{"ECS_BACKEND_HOST", "http://10.0.0.1:51480/"}})->endpoint,
            "http://10.0.0.1:51480");
}

TEST(AgentConfig, AwsRegionWinsOverAwsDefaultRegionAndAnOptionOverBoth) {
  const std::map<std::string, std::string> environment = {{"AWS_REGION", "eu-west-1"},
                                                          {"AWS_DEFAULT_REGION", "eu-west-2"}};
  EXPECT_EQ(config_of({}, environment)->region, "eu-west-1");
  EXPECT_EQ(config_of({}, {{"AWS_DEFAULT_REGION", "eu-west-2"}})->region, "eu-west-2");
  EXPECT_EQ(config_of({"--region", "eu-west-3"}, environment)->region, "eu-west-3");
}

TEST(AgentConfig, HelpNamesOptionsVariablesDefaultsAndExitCodes) {
  const auto help = help_text();
  EXPECT_THAT(help, testing::StartsWith("Usage: gantry-agent [OPTIONS]\n"));
  for (const auto* text :
       {"--cluster NAME ", "(default \"default\") [ECS_CLUSTER]", "(default us-east-1) [AWS_REGION]",
        "AWS_DEFAULT_REGION ", "as AWS_REGION, which wins over it", "(default required)",
        "of the control plane and of registries", "(default info) [ECS_LOGLEVEL]",
        "(default [22,2375,2376,51678,51679])", "-v, --version ", "-h, --help ",
        "2 wrong options or variables"}) {
    EXPECT_THAT(help, HasSubstr(text));
  }
}

TEST(AgentConfig, HelpAndVersionAreTakenInBothNotations) {
  for (const auto* flag : {"--help", "-h"}) EXPECT_TRUE(read_config({{flag}, {}, "/nowhere"})->help) << flag;
  for (const auto* flag : {"--version", "-v"})
    EXPECT_TRUE(read_config({{flag}, {}, "/nowhere"})->version) << flag;
}

struct BadConfig {
  const char* name;
  std::vector<std::string> arguments;
  std::map<std::string, std::string> environment;
  const char* message;
};
class AgentConfigRefuses : public testing::TestWithParam<BadConfig> {};

TEST_P(AgentConfigRefuses, NamingFlagOrVariable) {
  const auto& given = GetParam();
  const auto config = config_of(given.arguments, given.environment);
  ASSERT_FALSE(bool(config));
  EXPECT_THAT(config.error().message(), HasSubstr(given.message));
}

INSTANTIATE_TEST_SUITE_P(
    , AgentConfigRefuses,
    testing::Values(
        BadConfig{
            "unknown_flag", {"--clutser", "x"}, {}, "unknown option \"--clutser\" (see gantry-agent --help)"},
        BadConfig{"no_value", {"--cluster"}, {}, "option --cluster needs a value"},
        BadConfig{"level", {"--log-level", "loud"}, {}, "must be trace, debug, info, warn or error"},
        BadConfig{"scheme", {"--endpoint", "ws://x"}, {}, "--endpoint: must begin with http:// or https://"},
        BadConfig{"url", {}, {{"ECS_BACKEND_HOST", "ftp://x"}}, "ECS_BACKEND_HOST: url \"ftp://x\": "},
        BadConfig{"empty_value", {"--cluster="}, {}, "option --cluster must not be empty"},
        BadConfig{"positional", {"run"}, {}, "unknown argument \"run\""},
        BadConfig{"limits", {"--cgroup-limits", "maybe"}, {}, "--cgroup-limits: must be required"},
        BadConfig{"bool", {}, {{"ECS_DISABLE_METRICS", "yes"}}, "ECS_DISABLE_METRICS: must be true"},
        BadConfig{"cleanup_interval", {}, {{"ECS_IMAGE_CLEANUP_INTERVAL", "9m"}}, "at least 600 s"},
        BadConfig{"cleanup_count", {}, {{"ECS_NUM_IMAGES_DELETE_PER_CYCLE", "0"}}, "ECS_NUM_IMAGES_DELETE"},
        BadConfig{"excluded", {}, {{"ECS_EXCLUDE_UNTRACKED_IMAGE", "a,,b"}}, "ECS_EXCLUDE_UNTRACKED_IMAGE: "},
        BadConfig{"duration", {}, {{"ECS_CONTAINER_STOP_TIMEOUT", "30"}}, "must be a duration"},
        BadConfig{"period", {}, {{"ECS_CGROUP_CPU_PERIOD", "1s"}}, "must be 8ms to 100ms"},
        BadConfig{"ports", {}, {{"ECS_RESERVED_PORTS", "[\"a\"]"}}, "ECS_RESERVED_PORTS"},
        BadConfig{"range", {}, {{"ECS_DYNAMIC_HOST_PORT_RANGE", "9-8"}}, "1 <= FIRST <= LAST"},
        BadConfig{"driver", {}, {{"ECS_AVAILABLE_LOGGING_DRIVERS", "[\"awslogs\"]"}}, "awslogs"},
        BadConfig{"file", {"--config", "/no/such/file"}, {}, "/no/such/file"}),
    [](const auto& test) { return test.param.name; });

TEST(Registration, OffersWhatTheHostHas) {
  Config config;
  config.reserved_memory = 500;
  const auto resources = total_resources(config, {4096, 8000, "x86_64", true, true});
  ASSERT_EQ(resources.size(), 4u);
  EXPECT_EQ(resources[0].name, "CPU");
  EXPECT_EQ(resources[0].integer_value, 4096);
  EXPECT_EQ(resources[1].integer_value, 7500);
  EXPECT_THAT(resources[2].string_set_value, testing::Contains("22"));
}

TEST(Registration, ClaimsLimitsOnlyWhereTheyHold) {
  const auto claims = [](const Config& config, bool able) {
    for (const auto& attribute : instance_attributes(config, {4096, 8000, "x86_64", able, able})) {
      if (attribute.name == "ecs.capability.task-cpu-mem-limit") return true;
    }
    return false;
  };
  Config config;
  EXPECT_TRUE(claims(config, true));
  EXPECT_FALSE(claims(config, false));
  config.best_effort_limits = true;
  EXPECT_TRUE(claims(config, false));
  config.task_limits = false;
  EXPECT_FALSE(claims(config, true));
}

TEST(HostFacts, MemoryComesFromMeminfo) {
  EXPECT_EQ(memory_mib("MemTotal:       16316484 kB\nMemFree: 1 kB\n").value_or(0), 15934);
  EXPECT_ERROR(memory_mib("nothing"), ErrorKind::corrupt, HasSubstr("MemTotal"));
}

TEST(Backoffs, GrowToTheirMostAndBeginAgain) {
  Backoff backoff({std::chrono::milliseconds(100), std::chrono::milliseconds(1000), 2, 0.2});
  for (const int expected : {100, 200, 400, 800, 1000, 1000}) {
    const auto wait = backoff.next().count();
    EXPECT_GE(wait, expected * 0.8);
    EXPECT_LE(wait, expected * 1.2);
  }
  backoff.reset();
  EXPECT_LE(backoff.next().count(), 120);
}

TEST(Refusals, AreReadInBothForms) {
  EXPECT_EQ(parse_refusal(R"({"InactiveInstanceException":"container instance is inactive"})").exception,
            "InactiveInstanceException");
  EXPECT_EQ(parse_refusal(R"({"type":"AccessDeniedException","message":{"message":"no"}})").exception,
            "AccessDeniedException");
  EXPECT_EQ(parse_refusal("<html>").exception, "");
}

TEST(WebsocketUrls, EncodeTheirQuery) {
  EXPECT_EQ(websocket_url("http://h:1/", {{"a", "x:y/z"}, {"b", "1 2"}}),
            "http://h:1/ws?a=x%3Ay%2Fz&b=1%202");
}

}  // namespace
}  // namespace gantry::agent
