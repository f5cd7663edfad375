#include "api/ecs_requests.h"
#include "api/ecs_responses.h"
#include "tests/support/results.h"

namespace gantry::api {
namespace {

using testing::HasSubstr;

TEST(EcsJson, WritesTheListsThatClientsExpectEmpty) {
  const auto task = to_json_text(TasksResponse{{Task{}}, {}});
  for (const auto* name : {"\"failures\":[]", "\"attachments\":[]", "\"containers\":[]", "\"tags\":[]",
                           "\"inferenceAcceleratorOverrides\":[]"}) {
    EXPECT_THAT(task, HasSubstr(name));
  }
  const auto service = to_json_text(ServiceResponse{});
  for (const auto* name :
       {"\"events\":[]", "\"deployments\":[]", "\"loadBalancers\":[]", "\"placementConstraints\":[]"}) {
    EXPECT_THAT(service, HasSubstr(name));
  }
  TaskDefinitionResponse definition;
  definition.task_definition.container_definitions.emplace_back();
  const auto text = to_json_text(definition);
  for (const auto* name : {"\"volumes\":[]", "\"mountPoints\":[]", "\"portMappings\":[]",
                           "\"environment\":[]", "\"volumesFrom\":[]", "\"systemControls\":[]"}) {
    EXPECT_THAT(text, HasSubstr(name));
  }
}

TEST(EcsJson, LeavesUnsetMembersOut) {
  const auto text = to_json_text(TaskResponse{});
  EXPECT_THAT(text, testing::Not(HasSubstr("startedAt")));
  EXPECT_THAT(text, testing::Not(HasSubstr("null")));
  EXPECT_THAT(to_json_text(PageResponse{"clusterArns", {}, ""}), testing::Eq(R"({"clusterArns":[]})"));
}

TEST(EcsJson, WrongTypesAreErrorsThatNameThePath) {
  EXPECT_ERROR(parse_request<RunTaskRequest>(R"({"count":"two"})"), ErrorKind::invalid, HasSubstr("$.count"));
}

TEST(EcsJson, UnknownMembersAreIgnoredAndUnsupportedOnesNoted) {
  const auto request = parse_request<CreateServiceRequest>(
      R"({"serviceName":"web","someday":1,"loadBalancers":[{"containerPort":80}],"serviceRegistries":[]})");
  ASSERT_OK(request);
  EXPECT_THAT(request->unsupported, testing::ElementsAre("loadBalancers"));
}

TEST(EcsJson, RegistrationAsTheAgentSendsIt) {
  const auto request = parse_request<RegisterContainerInstanceRequest>(
      R"({"cluster":"default","attributes":[{"name":"ecs.os-type","value":"linux"},{"name":"x"}],
      "instanceIdentityDocument":"","instanceIdentityDocumentSignature":"","totalResources":[
      {"name":"CPU","type":"INTEGER","integerValue":2048},{"name":"PORTS","type":"STRINGSET","stringSetValue":["22"]},
      {"name":"PORTS_UDP","type":"STRINGSET","stringSetValue":[]}],"clientToken":"6d0c"})");
  ASSERT_OK(request);
  EXPECT_EQ(request->total_resources.at(0).integer_value, 2048);
  EXPECT_THAT(request->total_resources.at(1).string_set_value, testing::ElementsAre("22"));
  EXPECT_EQ(request->attributes.size(), 2);
}

TEST(Arn, IsTakenApart) {
  const auto arn = parse_arn("arn:aws:ecs:us-east-1:123456789012:task/default/0123");
  ASSERT_TRUE(arn);
  EXPECT_EQ(arn->type, "task");
  EXPECT_EQ(arn->name, "default/0123");
  EXPECT_EQ(arn->region, "us-east-1");
  for (const auto* text :
       {"", "web", "arn:aws:ecs:us-east-1:123456789012:cluster", "arn:aws:ecs", "arn:a:b:c:d:/x"}) {
    EXPECT_FALSE(parse_arn(text)) << text;
  }
  EXPECT_EQ(short_name("arn:aws:ecs:us-east-1:123456789012:task/default/0123"), "0123");
}

}  // namespace
}  // namespace gantry::api
