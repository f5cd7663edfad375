#include "tests/controlplane/control_fixture.h"

#include "base/random.h"
#include "controlplane/task_changes.h"

namespace gantry::controlplane::test {
namespace {

constexpr const char* ecs_prefix = "AmazonEC2ContainerServiceV20141113";

}  // namespace

void ControlTest::SetUp() {
  credentials_.access_key_id = "AKIDEXAMPLE";
  credentials_.secret_access_key = Secret(random_hex(20));
  options_.credentials_file = join_path(temporary_.path(), "credentials");
  ASSERT_OK(write_file(options_.credentials_file,
                       "[test]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = " +
                           credentials_.secret_access_key.reveal() + "\n"));
  options_.state_directory = join_path(temporary_.path(), "state");
  options_.listen = "127.0.0.1:0";
  start();
}

void ControlTest::start() {
  auto server = ControlServer::start(options_);
  ASSERT_OK(server);
  server_ = std::move(*server);
}

void ControlTest::restart() {
  server_.reset();
  start();
}

std::string ControlTest::url() const {
  return "http://127.0.0.1:" + std::to_string(server_->port());
}

Json ControlTest::call(const std::string& operation, const Json& request) {
  http::AwsJsonClient client({.url = url(), .service = "ecs", .target_prefix = ecs_prefix}, credentials_);
  const auto answer = client.call(operation, request.dump());
  EXPECT_TRUE(bool(answer)) << operation << ": " << answer.error().name << ": " << answer.error().message;
  return answer ? Json::parse(*answer) : Json::object();
}

std::string ControlTest::error_of(const std::string& operation, const Json& request) {
  http::AwsJsonClient client({.url = url(), .service = "ecs", .target_prefix = ecs_prefix}, credentials_);
  const auto answer = client.call(operation, request.dump());
  return answer ? "" : answer.error().name + ": " + answer.error().message;
}

Json ControlTest::put_events(const Json& request) {
  http::AwsJsonClient client({.url = url(), .service = "events", .target_prefix = "AWSEvents"}, credentials_);
  const auto answer = client.call("PutEvents", request.dump());
  EXPECT_TRUE(bool(answer)) << answer.error().name << ": " << answer.error().message;
  return answer ? Json::parse(*answer) : Json::object();
}

std::string ControlTest::register_web(const Json& members) {
  Json container = {{"name", "app"}, {"image", "127.0.0.1:5000/ns1/web:v1"}, {"cpu", 256}, {"memory", 64}};
  container.update(members);
  const auto answer =
      call("RegisterTaskDefinition", {{"family", "web"}, {"containerDefinitions", Json::array({container})}});
  return answer["taskDefinition"]["taskDefinitionArn"];
}

std::string ControlTest::register_instance(int cpu, int memory) {
  const Json resources = Json::parse(R"([{"name":"CPU","type":"INTEGER","integerValue":0},
    {"name":"MEMORY","type":"INTEGER","integerValue":0},{"name":"PORTS","type":"STRINGSET","stringSetValue":["22"]},
    {"name":"PORTS_UDP","type":"STRINGSET","stringSetValue":[]}])");
  Json request = {{"totalResources", resources},
                  {"attributes", Json::array({{{"name", "ecs.os-type"}, {"value", "linux"}}})}};
  request["totalResources"][0]["integerValue"] = cpu;
  request["totalResources"][1]["integerValue"] = memory;
  const std::string arn =
      call("RegisterContainerInstance", request)["containerInstance"]["containerInstanceArn"];
  EXPECT_OK(server_->controller().run([&](Transaction& transaction) -> Result<void> {
    set_agent_connected(transaction, arn, true);
    return {};
  }));
  return arn;
}

void ControlTest::report(const std::string& task, const std::string& status, const Json& containers) {
  EXPECT_EQ(call("SubmitTaskStateChange", {{"task", task}, {"status", status}, {"containers", containers}})
                .value("acknowledgment", ""),
            "ok");
}

std::vector<std::string> ControlTest::running_tasks(const std::string& service) {
  Json request = Json::object();
  if (!service.empty()) request["serviceName"] = service;
  return call("ListTasks", request)["taskArns"].get<std::vector<std::string>>();
}

}  // namespace gantry::controlplane::test
