#include "tests/agent/fake_control.h"

#include "http/aws_json.h"
#include "tests/support/results.h"
#include "tests/support/wait.h"

#include <map>

namespace gantry::agent {

struct FakeControl::Shared {
  mutable std::mutex mutex;
  std::vector<Call> calls;
  std::vector<std::string> acs;
  std::vector<std::string> tcs;
  std::shared_ptr<http::WebSocket> acs_socket;
  std::map<std::string, std::string> refused;  // operation to error name
  uint16_t port = 0;
  SystemClock clock;
  http::MemoryCredentialStore keys;
  http::SigV4Verifier verifier{keys, {"us-east-1", {"ecs"}, std::chrono::minutes(15)}, clock};
};

namespace {

// The registration's attributes back, as the agent checks them.
std::string registered(const std::string& body) {
  const auto begin = body.find("\"attributes\":");
  const auto end = body.find(']', begin);
  return format(
      R"({{"containerInstance":{{"containerInstanceArn":"arn:aws:ecs:us-east-1:1:container-instance/i",{}}}}})",
      body.substr(begin, end - begin + 1));
}

}  // namespace

class ControlSocket final : public http::WebSocketHandler {
 public:
  ControlSocket(std::shared_ptr<FakeControl::Shared> shared, bool acs)
      : shared_(std::move(shared)), acs_(acs) {}

  void on_open(std::shared_ptr<http::WebSocket> socket) override {
    const std::lock_guard lock(shared_->mutex);
    if (acs_) shared_->acs_socket = std::move(socket);
  }
  void on_message(std::string text) override {
    const std::lock_guard lock(shared_->mutex);
    (acs_ ? shared_->acs : shared_->tcs).push_back(std::move(text));
  }
  void on_close(const http::CloseReason&) override {
    const std::lock_guard lock(shared_->mutex);
    if (acs_) shared_->acs_socket.reset();
  }

 private:
  std::shared_ptr<FakeControl::Shared> shared_;
  const bool acs_;
};

class ControlHandler final : public http::Handler {
 public:
  explicit ControlHandler(std::shared_ptr<FakeControl::Shared> shared)
      : shared_(std::move(shared)), dispatcher_(shared_->verifier) {
    for (const auto* name :
         {"RegisterContainerInstance", "DiscoverPollEndpoint", "SubmitTaskStateChange", "CreateCluster"}) {
      dispatcher_.add("AmazonEC2ContainerServiceV20141113", "ecs", name,
                      [this](const http::AwsCall& call) { return answer(call); });
    }
  }

  http::Response handle(http::Request& request) override { return dispatcher_.handle(request); }

  http::Upgrade upgrade(const http::Request& request) override {
    if (const auto identity = shared_->verifier.verify(request); !identity) {
      return http::aws_error_response(identity.error(), "r");
    }
    return std::make_shared<ControlSocket>(shared_, request.parameter("containerInstanceArn") != nullptr);
  }

 private:
  http::AwsResult<std::string> answer(const http::AwsCall& call) {
    const std::lock_guard lock(shared_->mutex);
    shared_->calls.push_back({call.operation, call.body});
    const auto refused = shared_->refused.find(call.operation);
    if (refused != shared_->refused.end()) return http::AwsError{refused->second, "says the test", 400};
    if (call.operation == "RegisterContainerInstance") return registered(call.body);
    if (call.operation != "DiscoverPollEndpoint") return std::string(R"({"acknowledgment":"ok"})");
    const auto endpoint = format("http://127.0.0.1:{}/", shared_->port);
    return format(R"({{"endpoint":"{0}","telemetryEndpoint":"{0}"}})", endpoint);
  }

  std::shared_ptr<FakeControl::Shared> shared_;
  http::AwsJsonDispatcher dispatcher_;
};

FakeControl::FakeControl() : shared_(std::make_shared<Shared>()) {
  shared_->keys.add(credentials);
  start();
}

FakeControl::~FakeControl() {
  stop();
}

void FakeControl::start() {
  http::ServerOptions options;
  options.port = port_;
  auto started = http::Server::start(options, std::make_shared<ControlHandler>(shared_));
  ASSERT_OK(started);
  server_ = std::move(*started);
  port_ = server_->port();
  const std::lock_guard lock(shared_->mutex);
  shared_->port = port_;
}

void FakeControl::stop() {
  if (server_) server_->stop();
  server_.reset();
}

std::string FakeControl::url() const {
  return format("http://127.0.0.1:{}", port_);
}

void FakeControl::send_acs(const std::string& frame) {
  const std::lock_guard lock(shared_->mutex);
  ASSERT_TRUE(shared_->acs_socket) << "no ACS connection";
  shared_->acs_socket->send(frame);
}

void FakeControl::refuse_with(const std::string& operation, const std::string& error_name) {
  const std::lock_guard lock(shared_->mutex);
  shared_->refused[operation] = error_name;
}

void FakeControl::mend() {
  const std::lock_guard lock(shared_->mutex);
  shared_->refused.clear();
}

std::vector<FakeControl::Call> FakeControl::calls(const std::string& operation) const {
  const std::lock_guard lock(shared_->mutex);
  std::vector<Call> found;
  for (const auto& call : shared_->calls) {
    if (call.operation == operation) found.push_back(call);
  }
  return found;
}

std::vector<std::string> FakeControl::acs() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->acs;
}

std::vector<std::string> FakeControl::tcs() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->tcs;
}

bool FakeControl::connected() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->acs_socket != nullptr;
}

}  // namespace gantry::agent
