#include "controlplane/agent_session.h"

#include "api/agent_protocol.h"
#include "http/credentials_file.h"
#include "tests/controlplane/scheduling_world.h"
#include "tests/support/wait.h"

#include <algorithm>

// The server's side of ACS and TCS against a fake agent over real websockets.

namespace gantry::controlplane {
namespace {

using namespace std::chrono_literals;
using gantry::test::wait_until;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class WebSocketsOnly final : public http::Handler {
 public:
  explicit WebSocketsOnly(std::shared_ptr<AgentServer> agents) : agents_(std::move(agents)) {}
  http::BodyPlan plan_body(const http::Request&) override { return http::BufferBody{}; }
  http::Response handle(http::Request&) override { return http::Response::text(404, "no"); }
  http::Upgrade upgrade(const http::Request& request) override { return agents_->upgrade(request); }

 private:
  std::shared_ptr<AgentServer> agents_;
};

http::Credentials credentials() {
  http::Credentials credentials;
  credentials.access_key_id = "AKIDEXAMPLE";
  credentials.secret_access_key = Secret("secret");
  return credentials;
}

http::VerifierOptions ecs_only() {
  http::VerifierOptions options;
  options.services = {"ecs"};
  return options;
}

class AgentSessions : public ::testing::Test {
 protected:
  void SetUp() override { start({}); }
  void TearDown() override { stop(); }

  void start(const AgentServerOptions& options) {
    keys_.add(credentials());
    auto opened = Controller::open({}, std::make_unique<MemoryStore>());
    ASSERT_OK(opened);
    controller_ = std::move(opened).value();
    controller_->add(std::static_pointer_cast<Reconciler>(std::make_shared<DeploymentLoop>()));
    agents_ = AgentServer::create(*controller_, verifier_, options);
    controller_->start();
    auto served = http::Server::start({}, std::make_shared<WebSocketsOnly>(agents_));
    ASSERT_OK(served);
    server_ = std::move(served).value();
    ASSERT_OK(change([this](Transaction& transaction) {
      auto instance = test::instance_of(transaction.identity(), "h1");
      instance.agent_connected = false;
      instance_arn_ = instance.container_instance_arn;
      transaction.put(instance);
      transaction.put(test::web_definition(transaction.identity(), 1));
    }));
  }
  void restart(const AgentServerOptions& options) {
    stop();
    start(options);
  }
  void stop() {
    if (agents_) agents_->stop();
    if (server_) server_->stop();
    if (controller_) controller_->stop();
    server_.reset();
    agents_.reset();
    controller_.reset();
  }

  template <class F>
  Result<void> change(F work) {
    return controller_->run([&](Transaction& transaction) -> Result<void> {
      work(transaction);
      return {};
    });
  }
  // A copy of a record, or null.
  Ptr<ContainerInstance> instance() {
    Ptr<ContainerInstance> found;
    EXPECT_OK(change([&](Transaction& transaction) { found = transaction->instance(instance_arn_); }));
    return found;
  }
  Ptr<Task> task(const std::string& arn) {
    Ptr<Task> found;
    EXPECT_OK(change([&](Transaction& transaction) { found = transaction->task(arn); }));
    return found;
  }
  std::string run_task() {
    std::string arn;
    EXPECT_OK(change([&](Transaction& transaction) {
      NewTask what;
      what.definition = transaction->task_definition(transaction.identity().task_definition_arn("web", 1));
      what.instance = transaction->instance(instance_arn_);
      arn = make_task(transaction, what)->task_arn;
    }));
    return arn;
  }

  std::string acs_url() const {
    return format(
        "http://127.0.0.1:{}/ws?agentHash=8dfceca6&agentVersion=1.105.1&clusterArn=default&"
        "containerInstanceArn={}&dockerVersion=DockerVersion%3A+25.0.3&protocolVersion=2&"
        "sendCredentials=true&seqNum=1",
        server_->port(), http::percent_encode(instance_arn_));
  }
  std::string tcs_url() const {
    return format(
        "http://127.0.0.1:{}/ws?agentHash=8dfceca6&agentVersion=1.105.1&cluster=default&containerInstance={}",
        server_->port(), http::percent_encode(instance_arn_));
  }
  Result<std::unique_ptr<http::WebSocketClient>> connect(const std::string& url,
                                                         http::Response* refusal = nullptr) {
    http::WebSocketOptions options;
    options.url = url;
    options.headers = TRY(http::sign_upgrade(url, credentials(), "us-east-1", "ecs", SystemClock().now()));
    return http::WebSocketClient::connect(options, refusal);
  }
  // The next message of type Message; others are skipped.
  template <class Message>
  Result<Message> next(http::WebSocketClient& agent, std::chrono::milliseconds limit = 20s) {
    const auto end = std::chrono::steady_clock::now() + limit;
    for (;;) {
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
      const auto text = TRY(agent.receive(std::max(left, 0ms)));
      const auto frame = TRY(api::parse_frame(text, "frame"));
      if (frame.type == Message::type) return api::parse_message<Message>(frame, "frame");
    }
  }
  void acknowledge(http::WebSocketClient& agent, const std::string& message_id) {
    EXPECT_OK(agent.send(api::to_frame(api::AckRequest{"default", instance_arn_, message_id})));
  }

  std::string instance_arn_;
  SystemClock clock_;
  http::MemoryCredentialStore keys_;
  http::SigV4Verifier verifier_{keys_, ecs_only(), clock_};
  std::unique_ptr<Controller> controller_;
  std::shared_ptr<AgentServer> agents_;
  std::unique_ptr<http::Server> server_;
};

TEST_F(AgentSessions, RefusesByName) {
  http::Response refusal;
  http::WebSocketOptions unsigned_options;
  unsigned_options.url = acs_url();
  EXPECT_ERROR(http::WebSocketClient::connect(unsigned_options, &refusal), ErrorKind::denied, HasSubstr(""));
  EXPECT_THAT(refusal.body, HasSubstr("\"AccessDeniedException\""));
  instance_arn_ += "0";
  EXPECT_ERROR(connect(acs_url(), &refusal), ErrorKind::denied, HasSubstr(""));
  EXPECT_THAT(refusal.body, HasSubstr("\"InvalidInstanceException\""));
  instance_arn_.pop_back();
  ASSERT_OK(change([this](Transaction& transaction) {
    ContainerInstance gone = *transaction->instance(instance_arn_);
    gone.status = api::ContainerInstanceStatus::inactive;
    transaction.put(gone);
  }));
  EXPECT_ERROR(connect(acs_url(), &refusal), ErrorKind::denied, HasSubstr(""));
  EXPECT_EQ(refusal.status, 400);
  EXPECT_EQ(refusal.body, R"({"InactiveInstanceException":"container instance is inactive"})");
}

TEST_F(AgentSessions, ConnectingMarksTheInstanceAndTellsItsTasks) {
  const auto waiting = run_task();
  auto agent = connect(acs_url());
  ASSERT_OK(agent);
  const auto manifest = next<api::TaskManifestMessage>(**agent);
  ASSERT_OK(manifest);
  ASSERT_THAT(manifest->tasks, SizeIs(1));
  EXPECT_EQ(manifest->tasks[0].task_arn, waiting);
  const auto payload = next<api::PayloadMessage>(**agent);
  ASSERT_OK(payload);
  EXPECT_GT(payload->seq_num, manifest->timeline);
  EXPECT_EQ(payload->container_instance_arn, instance_arn_);
  ASSERT_THAT(payload->tasks, SizeIs(1));
  EXPECT_EQ(payload->tasks[0].desired_status, "RUNNING");
  EXPECT_EQ(payload->tasks[0].containers[0].image, "127.0.0.1:5000/ns1/web:v1");
  EXPECT_TRUE(instance()->agent_connected);
  EXPECT_EQ(instance()->version_info.agent_version, "1.105.1");
  EXPECT_EQ(instance()->version_info.docker_version, "DockerVersion: 25.0.3");
  (*agent)->close(1000, "");
  EXPECT_TRUE(wait_until([&] { return !instance()->agent_connected; }));
  EXPECT_TRUE(instance()->disconnected_at);
}

TEST_F(AgentSessions, NewAndDroppedTasksAreDeliveredAsTheyHappen) {
  auto agent = connect(acs_url());
  ASSERT_OK(agent);
  ASSERT_OK(next<api::TaskManifestMessage>(**agent));
  const auto arn = run_task();
  const auto start = next<api::PayloadMessage>(**agent);
  ASSERT_OK(start);
  ASSERT_THAT(start->tasks, SizeIs(1));
  EXPECT_EQ(start->tasks[0].arn, arn);
  acknowledge(**agent, start->message_id);
  ASSERT_OK(change([&](Transaction& transaction) {
    want_stopped(transaction, arn, api::StopCode::user_initiated, "Task stopped by user");
  }));
  const auto stop = next<api::PayloadMessage>(**agent);
  ASSERT_OK(stop);
  EXPECT_EQ(stop->tasks[0].arn, arn);
  EXPECT_EQ(stop->tasks[0].desired_status, "STOPPED");
  EXPECT_GT(stop->seq_num, start->seq_num);
}

TEST_F(AgentSessions, AServiceStartsWhenItsHostConnects) {
  ASSERT_OK(change([](Transaction& transaction) { transaction.put(test::web_service(transaction, 2)); }));
  auto agent = connect(acs_url());
  ASSERT_OK(agent);
  const auto payload = next<api::PayloadMessage>(**agent);
  ASSERT_OK(payload);
  ASSERT_THAT(payload->tasks, SizeIs(2));
  EXPECT_EQ(payload->tasks[0].service_name, "web");
  EXPECT_EQ(payload->tasks[0].group, "service:web");
}

TEST_F(AgentSessions, PayloadsWithoutAcknowledgementComeAgain) {
  restart({.heartbeat = 30s, .redeliver_after = 50ms});
  auto agent = connect(acs_url());
  ASSERT_OK(agent);
  const auto arn = run_task();
  // One that the connection itself brings may be among the first two; the third is one come again.
  std::vector<api::PayloadMessage> seen;
  for (int message = 0; message < 3; ++message) {
    const auto payload = next<api::PayloadMessage>(**agent);
    ASSERT_OK(payload);
    EXPECT_EQ(payload->tasks[0].arn, arn);
    EXPECT_GT(payload->seq_num, seen.empty() ? 0 : seen.back().seq_num);
    seen.push_back(*payload);
  }
  for (const auto& payload : seen) acknowledge(**agent, payload.message_id);
  int under_way = 0;
  auto more = next<api::PayloadMessage>(**agent, 1s);
  for (; more; more = next<api::PayloadMessage>(**agent, 1s)) {
    ASSERT_LT(++under_way, 3) << "they come although they were acknowledged";
    acknowledge(**agent, more->message_id);
  }
  EXPECT_EQ(more.error().kind(), ErrorKind::timeout);
}

TEST_F(AgentSessions, HeartbeatsComeAndASilentAgentIsCutOff) {
  restart({.heartbeat = 20ms, .missed_heartbeats = 3});
  auto agent = connect(acs_url());
  ASSERT_OK(agent);
  for (int i = 0; i < 6; ++i) {
    const auto beat = next<api::HeartbeatMessage>(**agent);
    ASSERT_OK(beat);  // an agent that answers stays
    ASSERT_OK((*agent)->send(api::to_frame(api::HeartbeatAckRequest{beat->message_id})));
  }
  Result<api::HeartbeatMessage> last = api::HeartbeatMessage{};
  while (last) last = next<api::HeartbeatMessage>(**agent);
  EXPECT_EQ(last.error().kind(), ErrorKind::unavailable) << last.error().message();
  EXPECT_TRUE(wait_until([&] { return !instance()->agent_connected; }));
}

TEST_F(AgentSessions, OnlyTasksThatAreReallyGoneAreConfirmedForStopping) {
  const auto wanted = run_task();
  auto agent = connect(acs_url());
  ASSERT_OK(agent);
  const auto manifest = next<api::TaskManifestMessage>(**agent);
  ASSERT_OK(manifest);
  api::TaskStopVerificationMessage question;
  question.message_id = manifest->message_id;
  question.stop_candidates = {{wanted, "default", "STOPPED"}, {wanted + "0", "default", "STOPPED"}};
  ASSERT_OK((*agent)->send(api::to_frame(question)));
  const auto answer = next<api::TaskStopVerificationAck>(**agent);
  ASSERT_OK(answer);
  EXPECT_EQ(answer->message_id, manifest->message_id);
  ASSERT_THAT(answer->stop_tasks, SizeIs(1));
  EXPECT_EQ(answer->stop_tasks[0].task_arn, wanted + "0");
}

TEST_F(AgentSessions, ANewConnectionReplacesTheOld) {
  auto former = connect(acs_url());
  ASSERT_OK(former);
  const auto first = next<api::TaskManifestMessage>(**former);
  ASSERT_OK(first);
  auto later = connect(acs_url());
  ASSERT_OK(later);
  const auto second = next<api::TaskManifestMessage>(**later);
  ASSERT_OK(second);
  EXPECT_GT(second->timeline, first->timeline);
  EXPECT_ERROR(next<api::PayloadMessage>(**former), ErrorKind::unavailable, HasSubstr(""));
  EXPECT_TRUE(instance()->agent_connected);
  run_task();
  EXPECT_OK(next<api::PayloadMessage>(**later));
}

TEST_F(AgentSessions, ADeregisteredInstanceIsDisconnected) {
  auto agent = connect(acs_url());
  ASSERT_OK(agent);
  ASSERT_OK(next<api::TaskManifestMessage>(**agent));
  ASSERT_OK(change([this](Transaction& transaction) {
    ContainerInstance gone = *transaction->instance(instance_arn_);
    gone.status = api::ContainerInstanceStatus::inactive;
    transaction.put(gone);
  }));
  EXPECT_ERROR(next<api::PayloadMessage>(**agent), ErrorKind::unavailable, HasSubstr(""));
  ASSERT_TRUE((*agent)->closed());
  EXPECT_THAT((*agent)->closed()->text, HasSubstr("InactiveInstanceException"));
}

TEST_F(AgentSessions, NonsenseIsRefusedAndTheSocketLives) {
  auto agent = connect(acs_url());
  ASSERT_OK(agent);
  ASSERT_OK(next<api::TaskManifestMessage>(**agent));
  for (const char* text :
       {"", "{", "[]", R"({"type":"Bogus","message":{}})", R"({"type":"AckRequest","message":{}})"}) {
    ASSERT_OK((*agent)->send(text));
  }
  run_task();
  EXPECT_OK(next<api::PayloadMessage>(**agent));
}

std::string signed_frame(const std::string& body) {
  return api::join_telemetry_frame({{{"Authorization", "AWS4-HMAC-SHA256 …"}, {"Host", "127.0.0.1"}}, body});
}

TEST_F(AgentSessions, TelemetryIsAcknowledged) {
  auto agent = connect(tcs_url());
  ASSERT_OK(agent);
  api::PublishMetricsRequest metrics;
  metrics.metadata = {"default", instance_arn_, "m-1", true, true};
  ASSERT_OK((*agent)->send(signed_frame(api::to_frame(metrics))));
  EXPECT_OK(next<api::AckPublishMetric>(**agent));
  ASSERT_OK((*agent)->send(signed_frame(api::to_frame(api::PublishInstanceStatusRequest{}))));
  EXPECT_OK(next<api::AckPublishInstanceStatus>(**agent));
  EXPECT_FALSE(instance()->agent_connected) << "only ACS makes an agent connected";
}

TEST_F(AgentSessions, HealthReachesTheTask) {
  ASSERT_OK(change([](Transaction& transaction) {
    auto definition = test::web_definition(transaction.identity(), 1);
    definition.container_definitions[0].health_check = api::HealthCheck{{"CMD-SHELL", "true"}};
    transaction.put(definition);
  }));
  const auto arn = run_task();
  auto agent = connect(tcs_url());
  ASSERT_OK(agent);
  api::PublishHealthRequest health;
  health.metadata = {"default", instance_arn_, "m-1", true};
  health.tasks = {{"default", arn, "web", "1", {{"app", "HEALTHY", 1, ""}}}};
  ASSERT_OK((*agent)->send(signed_frame(api::to_frame(health))));
  ASSERT_OK(next<api::AckPublishHealth>(**agent));
  EXPECT_EQ(task(arn)->health_status, api::HealthStatus::healthy);
}

}  // namespace
}  // namespace gantry::controlplane
