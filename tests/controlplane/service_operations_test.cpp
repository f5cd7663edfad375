#include "tests/controlplane/control_fixture.h"
#include "tests/support/wait.h"

// Services and image events over real HTTP, with the deployment loop running; the test plays the agent.

namespace gantry::controlplane::test {
namespace {

using gantry::test::wait_until;
using testing::HasSubstr;
using testing::StartsWith;

class ServiceOperationsTest : public ControlTest {
 protected:
  Json create(const Json& members = Json::object()) {
    Json request = {{"serviceName", "web"}, {"taskDefinition", "web"}, {"desiredCount", 1}};
    request.update(members);
    return call("CreateService", request)["service"];
  }
  Json service() { return call("DescribeServices", {{"services", {"web"}}})["services"][0]; }
  bool wait_for_tasks(size_t count) {
    return wait_until([&] { return running_tasks("web").size() == count; });
  }
  Json push_event(const std::string& tag, const std::string& digest,
                  const Json& hosts = Json::array({"127.0.0.1:5000"})) {
    const Json detail = {{"result", "SUCCESS"},    {"repository-name", "ns1/web"},
                         {"image-digest", digest}, {"action-type", "PUSH"},
                         {"image-tag", tag},       {"registry-hosts", hosts}};
    return {{"Entries",
             Json::array(
                 {{{"Source", "aws.ecr"}, {"DetailType", "ECR Image Action"}, {"Detail", detail.dump()}}})}};
  }
};

TEST_F(ServiceOperationsTest, AServicesLife) {
  register_instance();
  register_web();
  const auto made = create();
  EXPECT_EQ(made["status"], "ACTIVE");
  EXPECT_EQ(made["deployments"].size(), 1);
  EXPECT_EQ(made["deployments"][0]["rolloutState"], "IN_PROGRESS");
  EXPECT_EQ(made["deploymentConfiguration"]["maximumPercent"], 200);
  ASSERT_TRUE(wait_for_tasks(1)) << service().dump(2);
  const auto task = running_tasks("web")[0];
  report(task, "RUNNING", Json::parse(R"([{"containerName":"app","status":"RUNNING"}])"));
  EXPECT_EQ(service()["runningCount"], 1);
  EXPECT_EQ(service()["deployments"][0]["runningCount"], 1);
  EXPECT_EQ(error_of("DeleteService", {{"service", "web"}}),
            "InvalidParameterException: The service cannot be stopped while it is scaled above 0.");
  EXPECT_EQ(call("DeleteService", {{"service", "web"}, {"force", true}})["service"]["status"], "DRAINING");
  EXPECT_EQ(
      error_of("CreateService", {{"serviceName", "web"}, {"taskDefinition", "web"}, {"desiredCount", 1}}),
      "InvalidParameterException: Unable to Start a service that is still Draining.");
  ASSERT_TRUE(wait_for_tasks(0)) << "its task is still wanted";
  report(task, "STOPPED");
  EXPECT_TRUE(wait_until([&] { return service()["status"] == "INACTIVE"; }));
  EXPECT_EQ(call("ListServices")["serviceArns"], Json::array());
  EXPECT_EQ(create()["status"], "ACTIVE");
}

TEST_F(ServiceOperationsTest, CreatingAgainIsTheSameServiceOnlyWithTheSameParameters) {
  register_web();
  const auto first = create();
  EXPECT_EQ(create()["deployments"][0]["id"], first["deployments"][0]["id"]);
  EXPECT_EQ(
      error_of("CreateService", {{"serviceName", "web"}, {"taskDefinition", "web"}, {"desiredCount", 2}}),
      "InvalidParameterException: Creation of service was not idempotent.");
}

TEST_F(ServiceOperationsTest, OnlySomeUpdatesDeploy) {
  register_web();
  create();
  auto updated = call("UpdateService", {{"service", "web"}, {"desiredCount", 3}})["service"];
  EXPECT_EQ(updated["deployments"].size(), 1);
  EXPECT_EQ(updated["deployments"][0]["desiredCount"], 3);
  updated = call("UpdateService", {{"service", "web"}, {"taskDefinition", "web"}})["service"];
  EXPECT_EQ(updated["deployments"].size(), 1);
  const auto definition = register_web();
  updated = call("UpdateService", {{"service", "web"}, {"taskDefinition", "web"}})["service"];
  EXPECT_EQ(updated["taskDefinition"], definition);
  EXPECT_EQ(updated["deployments"].size(), 2);
  EXPECT_EQ(updated["deployments"][0]["status"], "PRIMARY");
  EXPECT_EQ(updated["deployments"][1]["status"], "ACTIVE");
  const std::string primary = updated["deployments"][0]["id"];
  updated = call("UpdateService", {{"service", "web"}, {"forceNewDeployment", true}})["service"];
  EXPECT_NE(updated["deployments"][0]["id"], primary);
}

TEST_F(ServiceOperationsTest, APushedImageRedeploysTheServicesThatFollowIt) {
  register_web();
  create({{"tags", Json::array({{{"key", "gantry:follow-image"}, {"value", "true"}}})}});
  call("CreateService", {{"serviceName", "other"}, {"taskDefinition", "web"}, {"desiredCount", 1}});
  const auto deployment_of = [&](const char* name) -> std::string {
    return call("DescribeServices", {{"services", {name}}})["services"][0]["deployments"][0]["id"];
  };
  const auto before = deployment_of("web");
  const auto other = deployment_of("other");
  put_events(push_event("v2", "sha256:aa"));
  put_events(push_event("v1", "sha256:bb", Json::array({"registry.example:5000"})));
  EXPECT_EQ(deployment_of("web"), before) << "another tag, or another registry";

  const auto answer = put_events(push_event("v1", "sha256:cc"));
  EXPECT_EQ(answer["FailedEntryCount"], 0);
  const auto after = deployment_of("web");
  EXPECT_NE(after, before);
  EXPECT_EQ(deployment_of("other"), other);
  EXPECT_THAT(service()["events"].dump(), HasSubstr("because image ns1/web:v1 was pushed (sha256:cc)"));
  put_events(push_event("v1", "sha256:cc"));
  EXPECT_EQ(deployment_of("web"), after) << "the same event again";
}

TEST_F(ServiceOperationsTest, ARegistryHasAllTheNamesThatItsEventsTell) {
  const Json follows = Json::array({{{"key", "gantry:follow-image"}, {"value", "true"}}});
  const auto follow = [&](const char* name, const char* image) {
    call("RegisterTaskDefinition",
         {{"family", name},
          {"containerDefinitions", Json::array({{{"name", "app"}, {"image", image}, {"memory", 64}}})}});
    call("CreateService",
         {{"serviceName", name}, {"taskDefinition", name}, {"desiredCount", 1}, {"tags", follows}});
  };
  follow("hub", "ns1/web:v1");
  follow("hub-by-name", "docker.io/ns1/web:v1");
  follow("ours", "Registry.Local:5000/ns1/web:v1");
  const auto redeployed = [&](const char* name) {
    const auto events = call("DescribeServices", {{"services", {name}}})["services"][0]["events"].dump();
    return events.find("because image ns1/web:v1 was pushed") != std::string::npos;
  };
  put_events(push_event("v1", "sha256:aa", Json::array({"127.0.0.1:5000", "registry.local:5000"})));
  EXPECT_FALSE(redeployed("hub")) << "its image is of another registry";
  EXPECT_FALSE(redeployed("hub-by-name"));
  EXPECT_TRUE(redeployed("ours"));
}

TEST_F(ServiceOperationsTest, APushToANamelessRegistryIsMalformed) {
  const auto answer = put_events(push_event("v1", "sha256:aa", Json::array()));
  EXPECT_EQ(answer["FailedEntryCount"], 1);
  EXPECT_EQ(answer["Entries"][0]["ErrorCode"], "MalformedDetail");
  EXPECT_THAT(std::string(answer["Entries"][0]["ErrorMessage"]), HasSubstr("$.registry-hosts"));
}

TEST_F(ServiceOperationsTest, AServicesTasksRunTheDigestThatItsFirstOneFound) {
  register_instance();
  register_web();
  create();
  ASSERT_TRUE(wait_for_tasks(1));
  const auto image_of = [&](const std::string& task) -> std::string {
    return call("DescribeTasks", {{"tasks", {task}}})["tasks"][0]["containers"][0]["image"];
  };
  const auto first = running_tasks("web")[0];
  EXPECT_EQ(image_of(first), "127.0.0.1:5000/ns1/web:v1");
  const std::string digest = "sha256:" + std::string(64, 'a');
  report(first, "RUNNING", {{{"containerName", "app"}, {"status", "RUNNING"}, {"imageDigest", digest}}});
  call("UpdateService", {{"service", "web"}, {"desiredCount", 2}});
  ASSERT_TRUE(wait_for_tasks(2));
  const auto second = [&](const std::string& known) {
    const auto tasks = running_tasks("web");
    return tasks[0] == known ? tasks[1] : tasks[0];
  };
  EXPECT_EQ(image_of(second(first)), "127.0.0.1:5000/ns1/web@" + digest);
  const auto forced = call("UpdateService", {{"service", "web"}, {"forceNewDeployment", true}});
  const std::string deployment = forced["service"]["deployments"][0]["id"];
  const auto tasks = [&] { return call("ListTasks", {{"startedBy", deployment}})["taskArns"]; };
  ASSERT_TRUE(wait_until([&] { return tasks().size() == 2; }));
  for (const auto& task : tasks()) {
    EXPECT_EQ(image_of(task), "127.0.0.1:5000/ns1/web:v1") << "a new deployment looks behind the tag again";
  }
}

TEST_F(ServiceOperationsTest, WithoutVersionConsistencyEachTaskLooksBehindTheTag) {
  register_instance();
  register_web({{"versionConsistency", "disabled"}});
  create();
  ASSERT_TRUE(wait_for_tasks(1));
  report(
      running_tasks("web")[0], "RUNNING",
      {{{"containerName", "app"}, {"status", "RUNNING"}, {"imageDigest", "sha256:" + std::string(64, 'a')}}});
  call("UpdateService", {{"service", "web"}, {"desiredCount", 2}});
  ASSERT_TRUE(wait_for_tasks(2));
  const auto described = call("DescribeTasks", {{"tasks", running_tasks("web")}});
  for (const auto& task : described.at("tasks")) {
    EXPECT_EQ(task["containers"][0]["image"], "127.0.0.1:5000/ns1/web:v1");
  }
}

TEST_F(ServiceOperationsTest, ServiceConnectThatIsOffAsksForNothing) {
  register_web();
  EXPECT_EQ(create({{"serviceConnectConfiguration", {{"enabled", false}}}})["status"], "ACTIVE");
  EXPECT_THAT(
      error_of("UpdateService", {{"service", "web"}, {"serviceConnectConfiguration", {{"enabled", true}}}}),
      StartsWith("UnsupportedFeatureException: serviceConnectConfiguration"));
}

TEST_F(ServiceOperationsTest, ServicesAreAllTheCustomersOwn) {
  register_web();
  create();
  EXPECT_EQ(call("ListServices", {{"resourceManagementType", "CUSTOMER"}})["serviceArns"].size(), 1);
  EXPECT_EQ(call("ListServices", {{"resourceManagementType", "ECS"}})["serviceArns"].size(), 0);
  EXPECT_THAT(error_of("ListServices", {{"resourceManagementType", "NOBODY"}}),
              StartsWith("InvalidParameterException: resourceManagementType"));
}

TEST_F(ServiceOperationsTest, DeploymentsAreRememberedWithWhatBecameOfThem) {
  register_web();
  create();
  call("UpdateService", {{"service", "web"}, {"forceNewDeployment", true}});
  const auto listed = call("ListServiceDeployments", {{"service", "web"}})["serviceDeployments"];
  ASSERT_EQ(listed.size(), 2);
  EXPECT_EQ(listed[0]["status"], "IN_PROGRESS");
  EXPECT_EQ(listed[1]["status"], "STOPPED");
  const std::string arn = listed[0]["serviceDeploymentArn"];
  EXPECT_THAT(arn, StartsWith("arn:aws:ecs:us-east-1:123456789012:service-deployment/default/web/"));
  const auto described = call("DescribeServiceDeployments", {{"serviceDeploymentArns", {arn, arn + "0"}}});
  EXPECT_EQ(described["serviceDeployments"][0]["targetServiceRevision"]["requestedTaskCount"], 1);
  EXPECT_EQ(described["failures"][0]["reason"], "MISSING");
  EXPECT_EQ(
      call("ListServiceDeployments", {{"service", "web"}, {"status", {"SUCCESSFUL"}}})["serviceDeployments"],
      Json::array());
  const auto live =
      call("ListServiceDeployments", {{"service", "web"}, {"status", {"PENDING", "IN_PROGRESS"}}});
  ASSERT_EQ(live["serviceDeployments"].size(), 1);
  EXPECT_EQ(live["serviceDeployments"][0]["serviceDeploymentArn"], arn);
  EXPECT_THAT(error_of("ListServiceDeployments", {{"service", "web"}, {"status", {"STOPPED", "stopped"}}}),
              StartsWith("InvalidParameterException: status should be one of [PENDING,SUCCESSFUL,STOPPED,"));
  const auto page = call("ListServiceDeployments", {{"service", "web"}, {"maxResults", 1}});
  EXPECT_EQ(call("ListServiceDeployments",
                 {{"service", "web"},
                  {"nextToken", page["nextToken"]}})["serviceDeployments"][0]["serviceDeploymentArn"],
            listed[1]["serviceDeploymentArn"]);
}

TEST_F(ServiceOperationsTest, MalformedEventsAreReportedEach) {
  const auto answer = put_events(
      {{"Entries",
        Json::array({{{"Source", "aws.ecr"}, {"DetailType", "ECR Image Action"}, {"Detail", "{}"}}})}});
  EXPECT_EQ(answer["FailedEntryCount"], 1);
  EXPECT_EQ(answer["Entries"][0]["ErrorCode"], "MalformedDetail");
}

TEST_F(ServiceOperationsTest, Errors) {
  register_web();
  const std::pair<Json, const char*> cases[] = {
      {{{"serviceName", "web"}, {"taskDefinition", "web"}},
       "InvalidParameterException: desiredCount must be given"},
      {{{"serviceName", "a b"}, {"taskDefinition", "web"}, {"desiredCount", 1}},
       "InvalidParameterException: Service names"},
      {{{"serviceName", "web"}, {"taskDefinition", "none"}, {"desiredCount", 1}},
       "ClientException: TaskDefinition not found."},
      {{{"serviceName", "web"}, {"taskDefinition", "web"}, {"desiredCount", 1}, {"launchType", "FARGATE"}},
       "UnsupportedFeatureException: Launch type FARGATE"},
      {{{"serviceName", "web"},
        {"taskDefinition", "web"},
        {"desiredCount", 1},
        {"loadBalancers", Json::array({{{"containerPort", 80}}})}},
       "UnsupportedFeatureException: loadBalancers"},
      {{{"serviceName", "web"},
        {"taskDefinition", "web"},
        {"desiredCount", 1},
        {"schedulingStrategy", "DAEMON"}},
       "InvalidParameterException: A DAEMON service can't have a desiredCount."},
      {{{"serviceName", "web"},
        {"taskDefinition", "web"},
        {"desiredCount", 1},
        {"placementStrategy", Json::array({{{"type", "sideways"}}})}},
       "InvalidParameterException: "},
      {{{"serviceName", "web"},
        {"taskDefinition", "web"},
        {"desiredCount", 1},
        {"deploymentConfiguration", {{"strategy", "BLUE_GREEN"}}}},
       "UnsupportedFeatureException: Deployment strategy BLUE_GREEN"},
  };
  for (const auto& [request, message] : cases)
    EXPECT_THAT(error_of("CreateService", request), StartsWith(message));
  EXPECT_EQ(error_of("UpdateService", {{"service", "web"}}), "ServiceNotFoundException: Service not found.");
  EXPECT_EQ(call("DescribeServices", {{"services", {"web"}}})["failures"][0]["reason"], "MISSING");
  create({{"desiredCount", 0}});
  EXPECT_EQ(call("DeleteService", {{"service", "web"}})["service"]["status"], "INACTIVE");
  EXPECT_EQ(error_of("UpdateService", {{"service", "web"}}),
            "ServiceNotActiveException: Service was not ACTIVE.");
}

}  // namespace
}  // namespace gantry::controlplane::test
