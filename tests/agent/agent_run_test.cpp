#include "agent/agent.h"
#include "base/files.h"
#include "http/client.h"
#include "tests/agent/fake_control.h"
#include "tests/agent/fake_driver.h"
#include "tests/agent/sample_task.h"
#include "tests/support/results.h"
#include "tests/support/wait.h"

#include <thread>

namespace gantry::agent {
namespace {

using test::wait_until;
using testing::AllOf;
using testing::HasSubstr;

// A whole agent against a control plane of the test's own, over real sockets; only the host is made up.
class AgentRun : public testing::Test {
 protected:
  void SetUp() override {
    auto folder = TemporaryDirectory::make();
    ASSERT_OK(folder);
    folder_ = std::move(*folder);
    config_.data_directory = folder_->path();
    config_.endpoint = control_.url();
    config_.introspection_port = 0;
  }
  void TearDown() override { end(); }

  void begin() {
    stopping_ = std::make_unique<Stopping>();
    thread_ = std::thread([this] {
      const auto outcome = run_agent(config_, control_.credentials, driver_, clock_, *stopping_);
      if (outcome) outcome_ = *outcome;
      if (!outcome) error_ = outcome.error().message();
    });
  }
  void end() {
    if (stopping_) stopping_->set();
    if (thread_.joinable()) thread_.join();
  }

  bool told(const std::string& part) const {
    for (const auto& call : control_.calls("SubmitTaskStateChange")) {
      if (call.body.find(part) != std::string::npos) return true;
    }
    return false;
  }
  bool answered(const std::string& part) const {
    for (const auto& frame : control_.acs()) {
      if (frame.find(part) != std::string::npos) return true;
    }
    return false;
  }
  void send(const api::PayloadTask& task, int64_t sequence) {
    control_.send_acs(
        api::to_frame(api::PayloadMessage{format("m-{}", sequence), "c", "i", sequence, 0, {task}}));
  }

  SystemClock clock_;
  FakeControl control_;
  FakeDriver driver_;
  std::optional<TemporaryDirectory> folder_;
  Config config_;
  std::unique_ptr<Stopping> stopping_;
  std::thread thread_;
  std::optional<Outcome> outcome_;
  std::string error_;
};

TEST_F(AgentRun, RunsATaskFromPayloadToStopped) {
  begin();
  ASSERT_TRUE(wait_until([&] { return control_.connected(); }));
  EXPECT_THAT(control_.calls("RegisterContainerInstance").at(0).body,
              AllOf(HasSubstr(R"("name":"CPU","type":"INTEGER")"), HasSubstr(R"("integerValue":4096)"),
                    HasSubstr("ecs.capability.container-ordering"), HasSubstr(R"("cluster":"default")")));
  auto task = sample_task();
  task.containers[0].port_mappings = {{80, 0, "tcp", {}}};
  send(task, 1);
  ASSERT_TRUE(wait_until([&] { return answered(R"("messageId":"m-1")"); }));
  ASSERT_TRUE(wait_until([&] { return told(R"("status":"RUNNING")"); }));
  EXPECT_TRUE(told(R"("hostPort":32768)"));
  EXPECT_TRUE(told(R"("imageDigest":"sha256:of-busybox:1")"));
  driver_.exit("app", 137, true);
  ASSERT_TRUE(wait_until([&] { return told(R"("status":"STOPPED")"); }));
  EXPECT_TRUE(told(R"("exitCode":137)"));
  EXPECT_TRUE(told("OutOfMemoryError: Container killed due to memory usage"));
  EXPECT_TRUE(told("Essential container in task exited"));
}

TEST_F(AgentRun, TellsWhichMemberOfATaskItCannotHonour) {
  begin();
  ASSERT_TRUE(wait_until([&] { return control_.connected(); }));
  auto frame = api::to_frame(api::PayloadMessage{"m-1", "c", "i", 1, 0, {sample_task()}});
  frame.insert(frame.find("\"image\""), R"("environmentFiles":[{"value":"arn:x","type":"s3"}],)");
  control_.send_acs(frame);
  ASSERT_TRUE(wait_until([&] { return told(R"("status":"STOPPED")"); }));
  EXPECT_TRUE(told("HostConfigError: container app: environmentFiles isn't supported by this agent"));
  EXPECT_EQ(driver_.count("pull"), 0);
}

TEST_F(AgentRun, TasksRunOnWhileTheControlPlaneIsDownAndAreToldAfter) {
  begin();
  ASSERT_TRUE(wait_until([&] { return control_.connected(); }));
  send(sample_task(), 1);
  ASSERT_TRUE(wait_until([&] { return told(R"("status":"RUNNING")"); }));
  control_.stop();
  driver_.exit("app", 5);
  control_.start();
  EXPECT_TRUE(wait_until([&] { return told(R"("exitCode":5)"); }));
  EXPECT_TRUE(wait_until([&] { return control_.connected(); })) << "it connects again";
}

TEST_F(AgentRun, RestartAdoptsTasksAndKeepsItsInstance) {
  begin();
  ASSERT_TRUE(wait_until([&] { return control_.connected(); }));
  send(sample_task(), 1);
  ASSERT_TRUE(wait_until([&] { return told(R"("status":"RUNNING")"); }));
  end();
  EXPECT_TRUE(driver_.runs("app"));
  begin();
  ASSERT_TRUE(wait_until([&] { return control_.calls("RegisterContainerInstance").size() == 2; }));
  EXPECT_THAT(control_.calls("RegisterContainerInstance").at(1).body,
              HasSubstr("arn:aws:ecs:us-east-1:1:container-instance/i"));
  ASSERT_TRUE(wait_until([&] { return control_.connected(); }));
  EXPECT_EQ(driver_.count("start"), 1);
  EXPECT_EQ(control_.calls("SubmitTaskStateChange").size(), 1u) << "what was told isn't told again";
}

TEST_F(AgentRun, HealthIsPublishedWhenItChanges) {
  begin();
  ASSERT_TRUE(wait_until([&] { return control_.connected(); }));
  auto task = sample_task();
  task.containers[0].docker_config.emplace();
  task.containers[0].docker_config->config = R"({"Healthcheck":{"Test":["CMD","true"]}})";
  send(task, 1);
  ASSERT_TRUE(wait_until([&] { return driver_.runs("app"); }));
  driver_.set_health("app", engine::HealthState::healthy);
  EXPECT_TRUE(wait_until(
      [&] {
        for (const auto& frame : control_.tcs()) {
          if (frame.find("PublishHealthRequest") != std::string::npos &&
              frame.find(R"("healthStatus":"HEALTHY")") != std::string::npos) {
            return frame.starts_with("Host: ");
          }
        }
        return false;
      },
      std::chrono::seconds(8)));
}

TEST_F(AgentRun, RegistrationIsTriedAgainWhileItIsThrottled) {
  control_.refuse_with("RegisterContainerInstance", "ThrottlingException");
  begin();
  ASSERT_TRUE(wait_until([&] { return !control_.calls("RegisterContainerInstance").empty(); }));
  control_.mend();
  EXPECT_TRUE(wait_until([&] { return control_.connected(); }));
}

TEST_F(AgentRun, RefusedRegistrationEndsIt) {
  control_.refuse_with("RegisterContainerInstance", "InvalidParameterException");
  begin();
  thread_.join();
  EXPECT_EQ(outcome_, Outcome::refused);
}

TEST_F(AgentRun, DataOfAnotherClusterIsRefused) {
  begin();
  ASSERT_TRUE(wait_until([&] { return control_.connected(); }));
  end();
  config_.cluster = "other";
  begin();
  thread_.join();
  EXPECT_THAT(error_, HasSubstr("belongs to cluster default"));
}

}  // namespace
}  // namespace gantry::agent
