#include "http/client.h"
#include "tests/controlplane/control_fixture.h"

// Clusters, task definitions, container instances, attributes and tags over real HTTP.

namespace gantry::controlplane::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

using OperationsTest = ControlTest;

TEST_F(OperationsTest, TheDefaultClusterIsThere) {
  const auto answer = call("DescribeClusters");
  ASSERT_EQ(answer["clusters"].size(), 1);
  EXPECT_EQ(answer["clusters"][0]["clusterArn"], "arn:aws:ecs:us-east-1:123456789012:cluster/default");
  EXPECT_EQ(answer["clusters"][0]["status"], "ACTIVE");
  EXPECT_EQ(answer["failures"], Json::array());
}

TEST_F(OperationsTest, ClustersAreMadeOnceAndDeletedWhenEmpty) {
  EXPECT_EQ(call("CreateCluster", {{"clusterName", "blue"}}),
            call("CreateCluster", {{"clusterName", "blue"}}));
  EXPECT_EQ(call("ListClusters")["clusterArns"].size(), 2);
  EXPECT_EQ(call("DeleteCluster", {{"cluster", "blue"}})["cluster"]["status"], "INACTIVE");
  EXPECT_EQ(call("ListClusters")["clusterArns"].size(), 1);
  EXPECT_EQ(call("DescribeClusters", {{"clusters", {"blue"}}})["clusters"][0]["status"], "INACTIVE");
  EXPECT_EQ(error_of("DeleteCluster", {{"cluster", "blue"}}), "ClusterNotFoundException: Cluster not found.");
  register_instance();
  EXPECT_THAT(error_of("DeleteCluster", {{"cluster", "default"}}),
              StartsWith("ClusterContainsContainerInstancesException"));
  EXPECT_EQ(call("DescribeClusters", {{"clusters", {"none"}}})["failures"][0]["reason"], "MISSING");
}

TEST_F(OperationsTest, AskingForFiguresShowsThem) {
  register_instance();
  const auto cluster = call("DescribeClusters", {{"include", {"STATISTICS"}}})["clusters"][0];
  EXPECT_EQ(cluster["registeredContainerInstancesCount"], 1);
  EXPECT_EQ(cluster["statistics"].size(), 12);
}

TEST_F(OperationsTest, UnknownIncludesAreRefused) {
  const auto arn = register_instance();
  register_web();
  const std::pair<const char*, Json> calls[] = {
      {"DescribeClusters", Json::object()},
      {"DescribeTaskDefinition", {{"taskDefinition", "web"}}},
      {"DescribeTasks", {{"tasks", {"t"}}}},
      {"DescribeServices", {{"services", {"s"}}}},
      {"DescribeContainerInstances", {{"containerInstances", {arn}}}},
  };
  for (auto [operation, request] : calls) {
    request["include"] = {"TAGS"};
    call(operation, request);
    request["include"] = {"TAGS", "SECRETS"};
    EXPECT_THAT(error_of(operation, request), StartsWith("InvalidParameterException: include 'SECRETS'"))
        << operation;
  }
}

TEST_F(OperationsTest, TheHealthOfAnInstanceIsKnownToBeUnknown) {
  const auto arn = register_instance();
  const auto instance = call(
      "DescribeContainerInstances",
      {{"containerInstances", {arn}}, {"include", {"CONTAINER_INSTANCE_HEALTH"}}})["containerInstances"][0];
  EXPECT_EQ(instance["healthStatus"],
            Json({{"overallStatus", "INSUFFICIENT_DATA"}, {"details", Json::array()}}));
}

TEST_F(OperationsTest, RegistrationIsRefusedWhenNoAgentWouldRunTheTask) {
  Json container = {{"name", "app"}, {"image", "web"}, {"memory", 64}};
  container["linuxParameters"] = {{"maxSwap", 64}, {"swappiness", 10}};
  EXPECT_THAT(
      error_of("RegisterTaskDefinition",
               {{"family", "web"}, {"containerDefinitions", Json::array({container})}}),
      StartsWith("ClientException: linuxParameters.swappiness 10 of container 'app' is not supported"));
}

TEST_F(OperationsTest, TagsOfARegisteringHostFollowTheRules) {
  EXPECT_THAT(
      error_of("RegisterContainerInstance", {{"tags", Json::array({{{"key", "aws:x"}, {"value", "1"}}})}}),
      StartsWith("InvalidParameterException: Tag keys beginning with 'aws:'"));
}

TEST_F(OperationsTest, RevisionsGrowAndAreNeverUsedAgain) {
  EXPECT_THAT(register_web(), HasSubstr("task-definition/web:1"));
  EXPECT_THAT(register_web(), HasSubstr("task-definition/web:2"));
  EXPECT_EQ(call("DescribeTaskDefinition", {{"taskDefinition", "web"}})["taskDefinition"]["revision"], 2);
  EXPECT_EQ(call("DeregisterTaskDefinition", {{"taskDefinition", "web:2"}})["taskDefinition"]["status"],
            "INACTIVE");
  EXPECT_EQ(call("DescribeTaskDefinition", {{"taskDefinition", "web"}})["taskDefinition"]["revision"], 1);
  EXPECT_EQ(call("DescribeTaskDefinition", {{"taskDefinition", "web:2"}})["taskDefinition"]["status"],
            "INACTIVE");
  const auto deleted =
      call("DeleteTaskDefinitions", {{"taskDefinitions", {"web:2", "web:1", "web:9", "web"}}});
  EXPECT_EQ(deleted["taskDefinitions"][0]["status"], "DELETE_IN_PROGRESS");
  EXPECT_EQ(deleted["failures"].size(), 3);
  restart();
  EXPECT_THAT(register_web(), HasSubstr("task-definition/web:3"));
  EXPECT_EQ(call("ListTaskDefinitions", {{"sort", "DESC"}})["taskDefinitionArns"][0],
            "arn:aws:ecs:us-east-1:123456789012:task-definition/web:3");
  EXPECT_EQ(call("ListTaskDefinitionFamilies", {{"familyPrefix", "w"}})["families"], Json::array({"web"}));
}

TEST_F(OperationsTest, TaskDefinitionErrors) {
  EXPECT_EQ(error_of("DescribeTaskDefinition", {{"taskDefinition", "none"}}),
            "ClientException: Unable to describe task definition.");
  EXPECT_EQ(error_of("DeregisterTaskDefinition", {{"taskDefinition", "web"}}),
            "ClientException: Revision is missing.");
  EXPECT_EQ(error_of("DeregisterTaskDefinition", {{"taskDefinition", "web:foo"}}),
            "InvalidParameterException: Invalid revision number. Number: foo");
  EXPECT_THAT(error_of("RegisterTaskDefinition", {{"family", 7}}), StartsWith("SerializationException: "));
  EXPECT_THAT(error_of("RegisterTaskDefinition", {{"family", "web"}}), StartsWith("ClientException: "));
}

TEST_F(OperationsTest, PagesFollowEachOther) {
  for (const auto* name : {"a", "b", "c"}) call("CreateCluster", {{"clusterName", name}});
  const auto first = call("ListClusters", {{"maxResults", 3}});
  EXPECT_EQ(first["clusterArns"].size(), 3);
  const auto second = call("ListClusters", {{"maxResults", 3}, {"nextToken", first["nextToken"]}});
  EXPECT_EQ(second["clusterArns"], Json::array({"arn:aws:ecs:us-east-1:123456789012:cluster/default"}));
  EXPECT_FALSE(second.contains("nextToken"));
  EXPECT_THAT(error_of("ListTasks", {{"nextToken", first["nextToken"]}}),
              StartsWith("InvalidParameterException"));
  EXPECT_THAT(error_of("ListClusters", {{"maxResults", 0}}), StartsWith("InvalidParameterException"));
}

TEST_F(OperationsTest, AnInstanceComesBackUnderItsOwnArn) {
  const auto arn = register_instance(1024, 500);
  auto instance =
      call("DescribeContainerInstances", {{"containerInstances", {arn}}})["containerInstances"][0];
  EXPECT_EQ(instance["agentConnected"], true);
  EXPECT_EQ(instance["remainingResources"][0]["integerValue"], 1024);
  call("UpdateContainerInstancesState", {{"containerInstances", {arn}}, {"status", "DRAINING"}});
  const auto again =
      call("RegisterContainerInstance",
           {{"containerInstanceArn", arn}, {"attributes", Json::array({{{"name", "x"}, {"value", "1"}}})}});
  EXPECT_EQ(again["containerInstance"]["containerInstanceArn"], arn);
  EXPECT_EQ(again["containerInstance"]["status"], "DRAINING");
  EXPECT_THAT(again["containerInstance"]["attributes"].dump(), HasSubstr(R"({"name":"x","value":"1"})"));
  EXPECT_THAT(again["containerInstance"]["attributes"].dump(), HasSubstr("ecs.availability-zone"));
  restart();
  instance = call("DescribeContainerInstances", {{"containerInstances", {arn}}})["containerInstances"][0];
  EXPECT_EQ(instance["status"], "DRAINING");
  EXPECT_EQ(instance["agentConnected"], false);
}

TEST_F(OperationsTest, AnUnknownArnIsTakenUpAndATypeChangeRefused) {
  const std::string arn =
      "arn:aws:ecs:us-east-1:123456789012:container-instance/default/0123456789abcdef0123456789abcdef";
  const Json type_a = Json::array({{{"name", "ecs.instance-type"}, {"value", "a"}}});
  const Json type_b = Json::array({{{"name", "ecs.instance-type"}, {"value", "b"}}});
  EXPECT_EQ(call("RegisterContainerInstance",
                 {{"containerInstanceArn", arn},
                  {"attributes", type_a}})["containerInstance"]["containerInstanceArn"],
            arn);
  EXPECT_EQ(error_of("RegisterContainerInstance", {{"containerInstanceArn", arn}, {"attributes", type_b}}),
            "ClientException: Container instance type changes are not supported.");
  EXPECT_EQ(error_of("RegisterContainerInstance", {{"cluster", "none"}}),
            "ClusterNotFoundException: Cluster not found.");
}

TEST_F(OperationsTest, InstancesAreListedByFilterAndLeaveWhenDeregistered) {
  const auto arn = register_instance();
  call("PutAttributes",
       {{"attributes", Json::array({{{"name", "stack"}, {"value", "blue"}, {"targetId", arn}}})}});
  EXPECT_EQ(call("ListContainerInstances", {{"filter", "attribute:stack == blue"}})["containerInstanceArns"],
            Json::array({arn}));
  EXPECT_EQ(call("ListContainerInstances", {{"filter", "attribute:stack == red"}})["containerInstanceArns"],
            Json::array());
  EXPECT_THAT(error_of("ListContainerInstances", {{"filter", "attribute:stack =="}}),
              StartsWith("InvalidParameterException"));
  EXPECT_EQ(call("ListAttributes", {{"targetType", "container-instance"},
                                    {"attributeName", "stack"}})["attributes"][0]["targetId"],
            arn);
  EXPECT_THAT(
      error_of("PutAttributes",
               {{"attributes", Json::array({{{"name", "ecs.os-type"}, {"value", "x"}, {"targetId", arn}}})}}),
      HasSubstr("reserved"));
  call("DeregisterContainerInstance", {{"containerInstance", arn}});
  EXPECT_EQ(call("ListContainerInstances")["containerInstanceArns"], Json::array());
  EXPECT_THAT(
      error_of("PutAttributes",
               {{"attributes", Json::array({{{"name", "stack"}, {"value", "x"}, {"targetId", arn}}})}}),
      StartsWith("TargetNotFoundException"));
}

TEST_F(OperationsTest, TagsOfEachKindOfResource) {
  const auto definition = register_web();
  const auto instance = register_instance();
  for (const std::string& arn :
       {std::string("arn:aws:ecs:us-east-1:123456789012:cluster/default"), definition, instance}) {
    call("TagResource", {{"resourceArn", arn}, {"tags", Json::array({{{"key", "team"}, {"value", "a"}}})}});
    call("TagResource", {{"resourceArn", arn}, {"tags", Json::array({{{"key", "team"}, {"value", "b"}}})}});
    EXPECT_EQ(call("ListTagsForResource", {{"resourceArn", arn}})["tags"],
              Json::array({{{"key", "team"}, {"value", "b"}}}));
    call("UntagResource", {{"resourceArn", arn}, {"tagKeys", {"team", "none"}}});
    EXPECT_EQ(call("ListTagsForResource", {{"resourceArn", arn}})["tags"], Json::array());
  }
  EXPECT_EQ(error_of("ListTagsForResource", {{"resourceArn", "web"}}),
            "InvalidParameterException: The ARN provided is invalid.");
}

TEST_F(OperationsTest, AgentsAreToldWhereToConnect) {
  EXPECT_EQ(call("DiscoverPollEndpoint")["endpoint"], url());
  EXPECT_EQ(call("DiscoverPollEndpoint")["telemetryEndpoint"], url());
}

TEST_F(OperationsTest, NamesThatAreNotBuiltAndNamesThatDoNotExist) {
  EXPECT_THAT(error_of("CreateCapacityProvider", {{"name", "x"}}),
              StartsWith("UnsupportedFeatureException: "));
  EXPECT_THAT(error_of("ExecuteCommand"), StartsWith("UnsupportedFeatureException: "));
  EXPECT_THAT(error_of("MakeCoffee"), StartsWith("UnknownOperationException"));
}

TEST_F(OperationsTest, UnsignedAndWronglySignedCallsAreRefused) {
  http::Client client;
  http::ClientRequest request{.method = "POST", .url = url(), .headers = {}, .body = "{}", .upload = {}};
  request.headers.set("X-Amz-Target", "AmazonEC2ContainerServiceV20141113.ListClusters");
  const auto answer = client.send(request);
  ASSERT_OK(answer);
  EXPECT_EQ(answer->status, 400);
  EXPECT_THAT(answer->body, HasSubstr("MissingAuthenticationTokenException"));
  credentials_.secret_access_key = Secret("wrong");
  EXPECT_THAT(error_of("ListClusters"), StartsWith("InvalidSignatureException"));
  credentials_.access_key_id = "AKIDOTHER";
  EXPECT_THAT(error_of("ListClusters"), StartsWith("UnrecognizedClientException"));
}

TEST_F(OperationsTest, TheSameFolderIsServedOnce) {
  EXPECT_ERROR(ControlServer::start(options_), ErrorKind::conflict, HasSubstr("another control plane"));
}

}  // namespace
}  // namespace gantry::controlplane::test
