#include "registry/event_queue.h"
#include "tests/registry/fixture.h"
#include "tests/support/results.h"
#include "tests/support/wait.h"

namespace gantry::registry::test {
namespace {

using gantry::test::wait_until;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A receiver that can be down, and that can call an event malformed.
class Receiver {
 public:
  EventSender sender() {
    return [this](const api::PutEventsRequest& request) -> http::AwsResult<api::PutEventsResponse> {
      const std::lock_guard lock(mutex_);
      ++calls_;
      if (down_) return http::AwsError{"", "connection refused", 0};
      api::PutEventsResponse response;
      for (const auto& entry : request.entries) {
        const bool bad = entry.detail == "bad";
        response.entries.push_back(bad ? api::PutEventsResultEntry{"", "MalformedDetail", "no"}
                                       : api::PutEventsResultEntry{"id", "", ""});
        if (!bad) details_.push_back(entry.detail);
      }
      return response;
    };
  }
  void set_down(bool down) {
    const std::lock_guard lock(mutex_);
    down_ = down;
  }
  int calls() {
    const std::lock_guard lock(mutex_);
    return calls_;
  }
  std::vector<std::string> details() {
    const std::lock_guard lock(mutex_);
    return details_;
  }

 private:
  std::mutex mutex_;
  bool down_ = false;
  int calls_ = 0;
  std::vector<std::string> details_;
};

class Events : public testing::Test {
 protected:
  std::unique_ptr<EventQueue> open() {
    auto queue = EventQueue::open(folder_->path(), receiver_.sender());
    EXPECT_OK(queue);
    return std::move(*queue);
  }
  static uint64_t add(EventQueue& queue, const std::string& detail) {
    return queue.add({"aws.ecr", "ECR Image Action", detail, {}, {}}).value_or(0);
  }
  std::vector<std::string> files() { return list_directory(folder_->path()).value_or({}); }

  Result<TemporaryDirectory> folder_ = TemporaryDirectory::make();
  Receiver receiver_;
};

TEST_F(Events, GoInOrderOnceTheyMay) {
  const auto queue = open();
  const auto first = add(*queue, "1");
  const auto second = add(*queue, "2");
  const auto third = add(*queue, "3");
  queue->release(third);
  queue->release(second);
  EXPECT_EQ(files().size(), 3u);
  EXPECT_THAT(receiver_.details(), IsEmpty());
  queue->release(first);
  EXPECT_TRUE(wait_until([&] { return queue->waiting() == 0; }));
  EXPECT_THAT(receiver_.details(), ElementsAre("1", "2", "3"));
  EXPECT_THAT(files(), IsEmpty());
}

TEST_F(Events, WaitForAReceiverThatIsDown) {
  receiver_.set_down(true);
  const auto queue = open();
  for (const auto* detail : {"1", "2"}) queue->release(add(*queue, detail));
  EXPECT_TRUE(wait_until([&] { return receiver_.calls() >= 2; }));
  EXPECT_EQ(queue->waiting(), 2u);
  receiver_.set_down(false);
  EXPECT_TRUE(wait_until([&] { return queue->waiting() == 0; }));
  EXPECT_THAT(receiver_.details(), ElementsAre("1", "2"));
}

TEST_F(Events, AreTakenUpAfterARestartAlsoUnreleased) {
  receiver_.set_down(true);
  {
    const auto queue = open();
    queue->release(add(*queue, "1"));
    add(*queue, "2");
    queue->cancel(add(*queue, "3"));
  }
  ASSERT_OK(write_file(join_path(folder_->path(), "00000000000000000009.json.ab.tmp"), "{"));
  receiver_.set_down(false);
  const auto queue = open();
  EXPECT_TRUE(wait_until([&] { return queue->waiting() == 0; }));
  EXPECT_THAT(receiver_.details(), ElementsAre("1", "2"));
  EXPECT_THAT(files(), IsEmpty());
}

TEST_F(Events, ThatAreMalformedDoNotHoldUpTheRest) {
  const auto queue = open();
  for (const auto* detail : {"bad", "good"}) queue->release(add(*queue, detail));
  EXPECT_TRUE(wait_until([&] { return queue->waiting() == 0; }));
  EXPECT_THAT(receiver_.details(), ElementsAre("good"));
}

// What the control plane would get, over the wire.
struct ControlPlane : http::Handler {
  explicit ControlPlane(const http::CredentialStore& store)
      : verifier(store, {"us-east-1", {"events"}, std::chrono::minutes(15)}, clock) {
    dispatcher.add("AWSEvents", "events", "PutEvents",
                   [this](const http::AwsCall& call) -> http::AwsResult<std::string> {
                     const std::lock_guard lock(mutex);
                     api::PutEventsResponse response;
                     const auto request = api::parse_put_events_request(call.body, "body");
                     if (!request) return http::serialization_error(request.error());
                     for (const auto& entry : request->entries) {
                       bodies += entry.detail + "\n";
                       response.entries.push_back({"id", "", ""});
                     }
                     return api::to_json_text(response);
                   });
  }
  http::Response handle(http::Request& request) override { return dispatcher.handle(request); }
  std::string seen() {
    const std::lock_guard lock(mutex);
    return bodies;
  }

  std::mutex mutex;
  std::string bodies;
  SystemClock clock;
  http::SigV4Verifier verifier;
  http::AwsJsonDispatcher dispatcher{verifier};
};

class PushEvents : public RegistryTest {};

// Whoever follows the image knows it by one of these names.
TEST_F(PushEvents, NameTheRegistryAsItWasCalledAndAsConfigured) {
  auto control = std::make_shared<ControlPlane>(*credentials_);
  const auto control_server = http::Server::start({}, control);
  ASSERT_OK(control_server);
  options_.events_endpoint = format("http://127.0.0.1:{}", (*control_server)->port());
  options_.hosts = {"registry.local:5000", "127.0.0.1:" + std::to_string(port_)};
  restart();
  create_repository("app");
  push_image("app", "v1", "layer");
  const auto names = format(R"("registry-hosts":["{}","registry.local:5000"])", host());
  EXPECT_TRUE(wait_until([&] { return control->seen().find(names) != std::string::npos; }))
      << control->seen();
  call("BatchDeleteImage", R"({"repositoryName":"app","imageIds":[{"imageTag":"v1"}]})");
  EXPECT_TRUE(wait_until([&] {
    const auto seen = control->seen();
    const auto deleted = seen.find(R"("action-type":"DELETE")");
    return deleted != std::string::npos && seen.find(names, deleted) != std::string::npos;
  })) << control->seen();
}

TEST_F(PushEvents, TellTheControlPlaneOfPushesAndDeletes) {
  auto control = std::make_shared<ControlPlane>(*credentials_);
  auto control_server = http::Server::start({}, control);
  ASSERT_OK(control_server);
  options_.events_endpoint = format("http://127.0.0.1:{}", (*control_server)->port());
  restart();
  create_repository("app");
  const auto digest = push_image("app", "v1", "layer");
  const auto push = format(
      R"({{"result":"SUCCESS","repository-name":"app","image-digest":"{}","action-type":"PUSH","image-tag":"v1",)"
      R"("manifest-media-type":"application/vnd.oci.image.manifest.v1+json","registry-hosts":["{}"]}})",
      digest, host());
  EXPECT_TRUE(wait_until([&] { return control->seen() == push + "\n"; })) << control->seen();
  EXPECT_TRUE(wait_until([&] { return registry_->events_waiting() == 0; })) << "its answer was not taken";
  (*control_server)->stop();
  EXPECT_EQ(send("DELETE", "/v2/app/manifests/v1").status, 202);
  EXPECT_EQ(registry_->events_waiting(), 1u);
  restart();
  EXPECT_EQ(registry_->events_waiting(), 1u);
  http::ServerOptions again;
  again.port = (*control_server)->port();
  const auto revived = http::Server::start(again, control);
  ASSERT_OK(revived);
  EXPECT_TRUE(wait_until([&] { return registry_->events_waiting() == 0; }));
  EXPECT_THAT(control->seen(), HasSubstr(R"("action-type":"DELETE","image-tag":"v1")"));
}

}  // namespace
}  // namespace gantry::registry::test
