#include "api/image_name.h"
#include "api/task_definition_rules.h"
#include "tests/support/results.h"

// What an agent or its runtime would refuse is refused at registration already.

namespace gantry::api {
namespace {

using testing::HasSubstr;

http::AwsResult<TaskDefinition> completed(const std::string& text) {
  auto request = parse_register_task_definition(text, "request");
  if (!request) return http::AwsError{"SerializationException", request.error().message()};
  TRY(complete_task_definition(*request));
  return request->definition;
}

std::string task_of(const std::string& container_members, const std::string& task_members = {}) {
  const bool has_image = container_members.find(R"("image":)") != std::string::npos;
  return R"({"family":"web","containerDefinitions":[{"name":"app","memory":64)" +
         std::string(has_image ? "" : R"(,"image":"busybox:1")") +
         (container_members.empty() ? "" : "," + container_members) + "}]" +
         (task_members.empty() ? "" : "," + task_members) + "}";
}

std::string two_containers(const std::string& first, const std::string& second,
                           const std::string& task_members = R"("volumes":[{"name":"v"}])") {
  return R"({"family":"web","containerDefinitions":[{"name":"a","image":"x","memory":64,)" + first +
         R"(},{"name":"b","image":"x","memory":64,)" + second + "}]," + task_members + "}";
}

struct Refused {
  const char* name;
  std::string text;
  std::vector<const char*> said;  // member, value and rule
};

class ContainerRules : public testing::TestWithParam<Refused> {};

TEST_P(ContainerRules, RefuseWhatNoAgentWouldRun) {
  const auto result = completed(GetParam().text);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().name, "ClientException");
  for (const auto* part : GetParam().said) EXPECT_THAT(result.error().message, HasSubstr(part));
}

const std::string two_paths =
    R"("mountPoints":[{"sourceVolume":"v","containerPath":"/d"},{"sourceVolume":"v","containerPath":"/d"}])";

INSTANTIATE_TEST_SUITE_P(
    Kernel, ContainerRules,
    testing::Values(
        Refused{"swappiness",
                task_of(R"("linuxParameters":{"maxSwap":64,"swappiness":10})"),
                {"linuxParameters.swappiness 10", "'app'", "control groups version 2"}},
        Refused{"swap_without_memory",
                R"({"family":"web","memory":"128","containerDefinitions":[{"name":"app","image":"x",
                "linuxParameters":{"maxSwap":64}}]})",
                {"linuxParameters.maxSwap 64", "needs the container's 'memory'"}},
        Refused{"apparmor",
                task_of(R"("dockerSecurityOptions":["no-new-privileges","apparmor:strict"])"),
                {"dockerSecurityOptions 'apparmor:strict'", "only no-new-privileges"}},
        Refused{"capability",
                task_of(R"("linuxParameters":{"capabilities":{"add":["FLY"]}})"),
                {"'FLY'", "linuxParameters.capabilities.add"}},
        Refused{"dropped_capability",
                task_of(R"("linuxParameters":{"capabilities":{"drop":["SWIM"]}})"),
                {"'SWIM'", "capabilities.drop"}},
        Refused{"device",
                task_of(R"("linuxParameters":{"devices":[{"hostPath":"dev/kvm"}]})"),
                {"devices", "'dev/kvm'", "absolute"}},
        Refused{"device_permission",
                task_of(R"("linuxParameters":{"devices":[{"hostPath":"/dev/kvm","permissions":["rwm"]}]})"),
                {"'rwm'", "[read,write,mknod]"}},
        Refused{"tmpfs_size",
                task_of(R"("linuxParameters":{"tmpfs":[{"containerPath":"/t"}]})"),
                {"tmpfs size 0", "'/t'", "at least 1 MiB"}},
        Refused{
            "tmpfs_option",
            task_of(
                R"("linuxParameters":{"tmpfs":[{"containerPath":"/t","size":1,"mountOptions":["remount"]}]})"),
            {"'remount'", "not supported"}},
        Refused{"negative_ulimit",
                task_of(R"("ulimits":[{"name":"nofile","softLimit":-2,"hardLimit":1}])"),
                {"'nofile'", "-1 (unlimited) or at least 0", "-2"}},
        Refused{"unlimited_soft_ulimit",
                task_of(R"("ulimits":[{"name":"nofile","softLimit":-1,"hardLimit":10}])"),
                {"soft limit -1", "'nofile'", "hard limit 10"}},
        Refused{"sysctl",
                task_of(R"("systemControls":[{"namespace":"kernel.msgfoo","value":"1"}])"),
                {"'kernel.msgfoo'", "isn't namespaced"}}),
    [](const auto& test) { return test.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Process, ContainerRules,
    testing::Values(
        Refused{"working_directory",
                task_of(R"("workingDirectory":"srv")"),
                {"workingDirectory 'srv'", "absolute"}},
        Refused{"hostname", task_of(R"("hostname":"a b")"), {"hostname 'a b'", "letters"}},
        Refused{"variable", task_of(R"("environment":[{"name":"A=B","value":"c"}])"), {"'A=B'", "'='"}},
        Refused{"image", task_of(R"("image":"Web Server")"), {"Invalid image", "'Web Server'", "lower case"}},
        Refused{"image_digest",
                task_of(R"("image":"web@sha256:1")"),
                {"'web@sha256:1'", "64 hexadecimal digits"}},
        Refused{"dns", task_of(R"("dnsServers":["dns.local"])"), {"dnsServers 'dns.local'", "address"}},
        Refused{"search_domain", task_of(R"("dnsSearchDomains":["a b"])"), {"dnsSearchDomains 'a b'"}},
        Refused{"extra_host",
                task_of(R"("extraHosts":[{"hostname":"db","ipAddress":"here"}])"),
                {"'db'", "'here'", "address"}},
        Refused{"log_option",
                task_of(R"("logConfiguration":{"logDriver":"json-file","options":{"compress":"true"}})"),
                {"'compress'", "max-size and max-file"}},
        Refused{"log_size",
                task_of(R"("logConfiguration":{"logDriver":"json-file","options":{"max-size":"big"}})"),
                {"'max-size' 'big'", "10m"}},
        Refused{"log_files",
                task_of(R"("logConfiguration":{"logDriver":"json-file","options":{"max-file":"3"}})"),
                {"'max-file' '3'", "needs max-size"}},
        Refused{"no_log",
                task_of(R"("logConfiguration":{"logDriver":"none","options":{"max-size":"1m"}})"),
                {"'none' takes no options"}},
        Refused{
            "consistency", task_of(R"("versionConsistency":"always")"), {"'always'", "[enabled,disabled]"}}),
    [](const auto& test) { return test.param.name; });

INSTANTIATE_TEST_SUITE_P(
    PortsAndPaths, ContainerRules,
    testing::Values(Refused{"port_and_range",
                            task_of(R"("portMappings":[{"containerPort":80,"containerPortRange":"80-90"}])"),
                            {"containerPort 80", "containerPortRange '80-90'", "can't both"}},
                    Refused{"range",
                            task_of(R"("portMappings":[{"containerPortRange":"80-90"}])"),
                            {"containerPortRange '80-90'", "not supported"}},
                    Refused{"app_protocol",
                            task_of(R"("portMappings":[{"containerPort":80,"appProtocol":"smtp"}])"),
                            {"appProtocol 'smtp'", "[http,http2,grpc]"}},
                    Refused{"port_name",
                            task_of(R"("portMappings":[{"containerPort":80,"name":"Web"}])"),
                            {"'Web'", "lower case"}},
                    Refused{"ports_without_network",
                            task_of(R"("disableNetworking":true,"portMappings":[{"containerPort":80}])"),
                            {"disableNetworking"}},
                    Refused{"host_port_of_two",
                            two_containers(R"("portMappings":[{"containerPort":80,"hostPort":80}])",
                                           R"("portMappings":[{"containerPort":81,"hostPort":80}])"),
                            {"Host port 80", "'b'", "another container"}},
                    Refused{"two_mounts",
                            task_of(two_paths, R"("volumes":[{"name":"v"}])"),
                            {"Duplicate containerPath '/d'"}},
                    Refused{"root_mount",
                            task_of(R"("mountPoints":[{"sourceVolume":"v","containerPath":"/"}])",
                                    R"("volumes":[{"name":"v"}])"),
                            {"containerPath '/'"}},
                    Refused{"climbing_mount",
                            task_of(R"("mountPoints":[{"sourceVolume":"v","containerPath":"/a/../b"}])",
                                    R"("volumes":[{"name":"v"}])"),
                            {"'/a/../b'", "without '..'"}},
                    Refused{"tmpfs_over_volume",
                            two_containers(R"("mountPoints":[{"sourceVolume":"v","containerPath":"/d"}])",
                                           R"("volumesFrom":[{"sourceContainer":"a"}],
                               "linuxParameters":{"tmpfs":[{"containerPath":"/d","size":1}]})"),
                            {"Duplicate containerPath '/d'", "'b'"}}),
    [](const auto& test) { return test.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Task, ContainerRules,
    testing::Values(Refused{"role_with_ecr_image",
                            task_of(R"("image":"123456789012.dkr.ecr.eu-west-1.amazonaws.com/web:1")",
                                    R"("executionRoleArn":"arn:aws:iam::1:role/x")"),
                            {"executionRoleArn 'arn:aws:iam::1:role/x'", "dkr.ecr.eu-west-1",
                             "Leave executionRoleArn out"}},
                    Refused{"role_with_awslogs",
                            task_of(R"("logConfiguration":{"logDriver":"awslogs"})",
                                    R"("executionRoleArn":"role")"),
                            {"executionRoleArn 'role'", "'awslogs'"}},
                    Refused{"ipc_mode", task_of("", R"("ipcMode":"shared")"), {"Invalid ipcMode 'shared'"}},
                    Refused{"pid_mode", task_of("", R"("pidMode":"none")"), {"Invalid pidMode 'none'"}},
                    Refused{"sysctl_of_the_hosts_ipc",
                            task_of(R"("systemControls":[{"namespace":"kernel.sem","value":"1 2 3 4"}])",
                                    R"("ipcMode":"host")"),
                            {"'kernel.sem'", "ipcMode 'host'"}}),
    [](const auto& test) { return test.param.name; });

TEST(ContainerRulesAccept, WhatTheAgentHonours) {
  const auto result = completed(task_of(
      R"("dockerSecurityOptions":["no-new-privileges"],"versionConsistency":"disabled",
      "dnsServers":["10.0.0.1","fd00::1"],"extraHosts":[{"hostname":"db","ipAddress":"10.0.0.2"}],
      "ulimits":[{"name":"core","softLimit":0,"hardLimit":-1}],
      "systemControls":[{"namespace":"net.core.somaxconn","value":"1024"}],
      "logConfiguration":{"logDriver":"json-file","options":{"max-size":"10m","max-file":"3"}},
      "linuxParameters":{"capabilities":{"add":["NET_ADMIN","CAP_SYS_PTRACE"],"drop":["ALL"]},"maxSwap":0,
        "devices":[{"hostPath":"/dev/fuse","permissions":["read","write"]}],
        "tmpfs":[{"containerPath":"/run","size":16,"mountOptions":["noexec","mode=755"]}]})",
      R"("executionRoleArn":"arn:aws:iam::1:role/x","ipcMode":"none")"));
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->ipc_mode, "none");
  EXPECT_EQ(result->execution_role_arn, "arn:aws:iam::1:role/x");
}

TEST(ContainerRulesAccept, NamesOfPortsAsMetadata) {
  const auto result =
      completed(task_of(R"("portMappings":[{"containerPort":80,"name":"web","appProtocol":"http2"}])"));
  ASSERT_TRUE(result) << result.error().message;
  const auto& mapping = result->container_definitions.at(0).port_mappings.at(0);
  EXPECT_EQ(mapping.name, "web");
  EXPECT_EQ(mapping.app_protocol, "http2");
}

TEST(ContainerRulesAccept, MembersThatAskForNothing) {
  const auto result =
      completed(task_of(R"("resourceRequirements":[],"credentialSpecs":null,
    "firelensConfiguration":{"type":"","options":{}},"repositoryCredentials":{"credentialsParameter":""})",
                        R"("ephemeralStorage":{"sizeInGiB":0},"enableFaultInjection":false)"));
  ASSERT_TRUE(result) << result.error().message;
}

TEST(ImageNames, AreTakenApart) {
  struct Case {
    const char* text;
    ImageName image;
  };
  const std::string digest = "sha256:" + std::string(64, 'a');
  for (const auto& [text, image] : {
           Case{"web", {"docker.io", "library/web", "latest", "", "web"}},
           Case{"ns1/web:v1", {"docker.io", "ns1/web", "v1", "", "ns1/web"}},
           Case{"127.0.0.1:5000/ns1/web",
                {"127.0.0.1:5000", "ns1/web", "latest", "", "127.0.0.1:5000/ns1/web"}},
           Case{"Registry.Example/a__b-c:1",
                {"registry.example", "a__b-c", "1", "", "Registry.Example/a__b-c"}},
       }) {
    const auto parsed = ImageName::parse(text);
    ASSERT_OK(parsed);
    EXPECT_EQ(parsed->host, image.host);
    EXPECT_EQ(parsed->path, image.path);
    EXPECT_EQ(parsed->tag, image.tag);
    EXPECT_EQ(parsed->name, image.name);
  }
  const auto pinned = ImageName::parse("localhost/web:1@" + digest);
  ASSERT_OK(pinned);
  EXPECT_EQ(pinned->digest, digest);
  EXPECT_EQ(pinned->name, "localhost/web");
  for (const auto* text : {"", "/web", "web:", "a//b", "host:5000/", "web@x", "we b"}) {
    EXPECT_FALSE(ImageName::parse(text)) << text;
  }
}

}  // namespace
}  // namespace gantry::api
