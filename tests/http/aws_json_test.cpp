#include "http/aws_json.h"

#include "base/json.h"
#include "http/credentials_file.h"
#include "tests/http/test_server.h"
#include "tests/support/results.h"

namespace gantry::http::test {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;

struct Greeting {
  std::string name;
};
template <class Visitor>
void members(Visitor& visit, Greeting& greeting) {
  visit.required("name", greeting.name);
}

class AwsJson : public testing::Test {
 protected:
  AwsJson() {
    store_.add(keys_);
    dispatcher_.add("Test_V1", "ecs", "Greet", [](const AwsCall& call) -> AwsResult<std::string> {
      const auto greeting = parse_json<Greeting>(call.body, "request body");
      if (!greeting) return serialization_error(greeting.error());
      if (greeting->name == "nobody") return AwsError{"NobodyException", "Nobody is here.", 400};
      if (greeting->name == "broken") return Error(ErrorKind::system, "disk is full");
      return to_json(*greeting);
    });
    handler_->answer = [this](Request& request) {
      request_ = request.headers;
      return AwsJsonDispatcher::handles(request) ? dispatcher_.handle(request) : Response::text(404, "no");
    };
  }
  AwsResult<std::string> call(const std::string& operation, const std::string& body,
                              const std::string& service = "ecs") {
    AwsJsonClient client({url_of(*server_), "us-east-1", service, "Test_V1"}, keys_);
    return client.call(operation, body);
  }
  void expect_error(const AwsResult<std::string>& reply, const std::string& name, int status) {
    ASSERT_FALSE(bool(reply)) << *reply;
    EXPECT_EQ(reply.error().name, name) << reply.error().message;
    EXPECT_EQ(reply.error().status, status);
  }

  Credentials keys_{"AK", Secret("sk"), {}, {}};
  MemoryCredentialStore store_;
  SystemClock clock_;
  SigV4Verifier verifier_{store_, {"us-east-1", {"ecs", "ecr"}, std::chrono::minutes(15)}, clock_};
  AwsJsonDispatcher dispatcher_{verifier_};
  std::shared_ptr<TestHandler> handler_ = std::make_shared<TestHandler>();
  Headers request_;
  std::unique_ptr<Server> server_ = start_server(handler_);
};

TEST_F(AwsJson, CallsAnOperation) {
  const auto reply = call("Greet", "{\"name\":\"world\"}");
  ASSERT_TRUE(bool(reply)) << reply.error().message;
  EXPECT_EQ(*reply, "{\"name\":\"world\"}");
  EXPECT_EQ(request_.get("X-Amz-Target"), "Test_V1.Greet");
  EXPECT_EQ(request_.get("Content-Type"), "application/x-amz-json-1.1");
}

TEST_F(AwsJson, KeepsErrorsNames) {
  expect_error(call("Greet", "{\"name\":\"nobody\"}"), "NobodyException", 400);
  expect_error(call("Greet", "{\"name\":\"broken\"}"), "ServerException", 500);
  expect_error(call("Wave", "{}"), "UnknownOperationException", 400);
  expect_error(call("Greet", "not json"), "SerializationException", 400);
  expect_error(call("Greet", "{\"name\":1}"), "SerializationException", 400);
  expect_error(call("Greet", "{\"name\":\"x\"}", "ecr"), "InvalidSignatureException", 400);
}

TEST_F(AwsJson, EveryAnswerHasARequestIdAndErrorsAnEnvelope) {
  const auto response = Client().send(
      {.method = "POST", .url = url_of(*server_), .headers = {{"X-Amz-Target", "Test_V1.Greet"}}});
  ASSERT_OK(response);
  EXPECT_EQ(response->status, 400);
  EXPECT_EQ(
      response->body,
      "{\"__type\":\"MissingAuthenticationTokenException\",\"message\":\"Missing Authentication Token\"}");
  EXPECT_THAT(response->headers.get("x-amzn-RequestId"), MatchesRegex("[0-9a-f-]{36}"));
  EXPECT_EQ(response->headers.get("Content-Type"), "application/x-amz-json-1.1");
}

TEST_F(AwsJson, TellsAnUnreachableServiceFromARefusal) {
  server_->stop();
  const auto reply = call("Greet", "{}");
  ASSERT_FALSE(bool(reply));
  EXPECT_FALSE(reply.error().reached());
  EXPECT_EQ(reply.error().to_error().kind(), ErrorKind::unavailable);
}

}  // namespace
}  // namespace gantry::http::test
