#include "http/sigv4.h"

#include "http/credentials_file.h"
#include "tests/support/results.h"

namespace gantry::http::test {
namespace {

using std::chrono::minutes;
using testing::HasSubstr;

const TimePoint then = parse_basic_iso8601("20261124T090000Z").value_or(TimePoint{});

Credentials example(const std::string& token = {}) {
  return {"AKIDEXAMPLE", Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"), Secret(token), {}};
}

ClientRequest list_clusters() {
  ClientRequest request;
  request.method = "POST";
  request.url = "http://127.0.0.1:51480/";
  request.body = "{}";
  request.headers = {{"Content-Type", "application/x-amz-json-1.1"},
                     {"X-Amz-Target", "AmazonEC2ContainerServiceV20141113.ListClusters"}};
  return request;
}

// The request as a server would get it.
Request arrive(const ClientRequest& sent) {
  const auto url = Url::parse(sent.url).value_or(Url{});
  Request request;
  request.method = sent.method;
  request.target = url.target;
  request.path = url.target.substr(0, url.target.find('?'));
  if (url.target.find('?') != std::string::npos) {
    request.query = parse_query(url.target.substr(url.target.find('?') + 1)).value_or({});
  }
  request.headers = sent.headers;
  request.headers.add("Host", url.authority());
  request.body = sent.body;
  return request;
}

Request signed_request(const std::string& token = {}) {
  auto request = list_clusters();
  EXPECT_OK(sign(request, example(token), "us-east-1", "ecs", then));
  return arrive(request);
}

class Verifier : public testing::Test {
 protected:
  Verifier() { store_.add(example()); }
  AwsResult<Identity> verify(const Request& request) { return verifier_.verify(request); }
  void expect_error(const Request& request, const std::string& name, const std::string& text) {
    const auto identity = verify(request);
    ASSERT_FALSE(bool(identity)) << name;
    EXPECT_EQ(identity.error().name, name);
    EXPECT_THAT(identity.error().message, HasSubstr(text));
    EXPECT_EQ(identity.error().status, 400);
  }

  MemoryCredentialStore store_;
  ManualClock clock_{then};
  SigV4Verifier verifier_{store_, {"us-east-1", {"ecs", "events"}, minutes(15)}, clock_};
};

// These vectors were made with botocore and recomputed by hand.
TEST(Sign, MatchesBotocore) {
  auto request = list_clusters();
  ASSERT_OK(sign(request, example(), "us-east-1", "ecs", then));
  EXPECT_EQ(request.headers.get("Authorization"),
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261124/us-east-1/ecs/aws4_request, "
            "SignedHeaders=content-type;host;x-amz-date;x-amz-target, "
            "Signature=c1394d8c85356580716aeb8e08a44f7df2741f15fe889be59cd27134de56abb0");
}

TEST(Sign, MatchesBotocoreWithASessionToken) {
  auto request = list_clusters();
  ASSERT_OK(sign(request, example("TOKEN"), "us-east-1", "ecs", then));
  EXPECT_THAT(request.headers.get("Authorization"),
              HasSubstr("SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, "
                        "Signature=062c5d7b9f968f8321cbab2cdc172fc39d9936344a5f6e09a528582e7ac7f3d3"));
}

TEST(Sign, HashesTheSameCanonicalRequest) {
  CanonicalRequest canonical{"POST",
                             "/",
                             {},
                             {{"content-type", "application/x-amz-json-1.1"},
                              {"host", "127.0.0.1:51480"},
                              {"x-amz-date", "20261124T090000Z"},
                              {"x-amz-target", "AmazonEC2ContainerServiceV20141113.ListClusters"}},
                             sha256_hex("{}")};
  EXPECT_EQ(sha256_hex(canonical.string()),
            "c04583ae02487cf9983ea487fd4d2646092858d8d652a784f12899fc549b0777");
}

constexpr const char* upgrade_url =
    "ws://127.0.0.1:51480/ws?agentHash=8dfceca6&agentVersion=1.105.1&clusterArn=default&containerInstanceArn="
    "arn%3Aaws%3Aecs%3Aus-east-1%3A000000000000%3Acontainer-instance%2Fdefault%"
    "2F0123456789abcdef0123456789abcdef"
    "&dockerVersion=DockerVersion%3A+25.0.3&protocolVersion=2&sendCredentials=true&seqNum=1";

TEST(Sign, MatchesTheAgentsWebsocketUpgrade) {
  const auto headers = sign_upgrade(upgrade_url, example(), "us-east-1", "ecs", then);
  ASSERT_OK(headers);
  EXPECT_THAT(headers->get("Authorization"),
              HasSubstr("SignedHeaders=host;x-amz-date, "
                        "Signature=3acbe52b9ac3a5c205a2efc518eee738370b10848818b87657c90cf0ae7897e4"));
}

TEST_F(Verifier, AcceptsWhatWasSigned) {
  const auto identity = verify(signed_request());
  ASSERT_TRUE(bool(identity)) << identity.error().message;
  EXPECT_EQ(identity->access_key_id, "AKIDEXAMPLE");
  EXPECT_EQ(identity->service, "ecs");
}

TEST_F(Verifier, AcceptsAnUpgrade) {
  ClientRequest upgrade;
  upgrade.url = upgrade_url;
  const auto headers = sign_upgrade(upgrade_url, example(), "us-east-1", "ecs", then);
  ASSERT_OK(headers);
  upgrade.headers = *headers;
  const auto identity = verify(arrive(upgrade));
  EXPECT_TRUE(bool(identity)) << identity.error().message;
}

TEST_F(Verifier, AcceptsAPresignedUrlUntilItExpires) {
  ClientRequest request;
  const auto url =
      presign("GET", "http://127.0.0.1:51480/a/b?x=1", example(), "us-east-1", "ecs", then, minutes(30));
  ASSERT_OK(url);
  request.url = *url;
  clock_.advance(minutes(29));
  const auto identity = verify(arrive(request));
  EXPECT_TRUE(bool(identity)) << identity.error().message;
  clock_.advance(minutes(2));
  expect_error(arrive(request), "InvalidSignatureException", "Signature expired");
  clock_.advance(-minutes(10));
  auto changed = arrive(request);
  changed.query[0].value = "2";
  expect_error(changed, "InvalidSignatureException", "does not match");
}

TEST_F(Verifier, RefusesWhatWasChangedAfterSigning) {
  auto body = signed_request();
  body.body = "{ }";
  expect_error(body, "InvalidSignatureException", "The request signature we calculated does not match");
  auto target = signed_request();
  target.headers.set("X-Amz-Target", "AmazonEC2ContainerServiceV20141113.DeleteCluster");
  expect_error(target, "InvalidSignatureException", "does not match");
  auto method = signed_request();
  method.method = "PUT";
  expect_error(method, "InvalidSignatureException", "does not match");
}

TEST_F(Verifier, RefusesAnUnsignedTarget) {
  auto request = list_clusters();
  request.headers.remove("X-Amz-Target");
  ASSERT_OK(sign(request, example(), "us-east-1", "ecs", then));
  auto arrived = arrive(request);
  arrived.headers.set("X-Amz-Target", "AmazonEC2ContainerServiceV20141113.DeleteCluster");
  expect_error(arrived, "InvalidSignatureException", "'x-amz-target' must be a 'SignedHeader'");
}

TEST_F(Verifier, ChecksTheTime) {
  clock_.advance(minutes(15));
  EXPECT_TRUE(bool(verify(signed_request())));
  clock_.advance(minutes(1));
  expect_error(signed_request(), "InvalidSignatureException",
               "Signature expired: 20261124T090000Z is now earlier than 20261124T090100Z (20261124T091600Z - "
               "15 min.)");
  clock_.advance(-minutes(32));
  expect_error(signed_request(), "InvalidSignatureException", "Signature not yet current: 20261124T090000Z");
}

TEST_F(Verifier, ChecksTheScope) {
  for (const auto& [region, service, text] :
       {std::tuple{"eu-west-1", "ecs", "valid region, not 'eu-west-1'"},
        std::tuple{"us-east-1", "ecr", "correct service: 'ecs' or 'events'"}}) {
    auto request = list_clusters();
    ASSERT_OK(sign(request, example(), region, service, then));
    expect_error(arrive(request), "InvalidSignatureException", text);
  }
}

TEST_F(Verifier, TellsUnknownKeysAndTokens) {
  store_.remove("AKIDEXAMPLE");
  expect_error(signed_request(), "UnrecognizedClientException",
               "The security token included in the request is invalid.");
  store_.add(example("OTHER"));
  expect_error(signed_request("TOKEN"), "UnrecognizedClientException", "security token");
  store_.add(example("TOKEN"));
  EXPECT_TRUE(bool(verify(signed_request("TOKEN"))));
  auto expired = example("TOKEN");
  expired.expires_at = then - minutes(1);
  store_.add(expired);
  expect_error(signed_request("TOKEN"), "ExpiredTokenException", "expired");
}

TEST_F(Verifier, TellsUnsignedAndMalformedRequests) {
  expect_error(arrive(list_clusters()), "MissingAuthenticationTokenException",
               "Missing Authentication Token");
  auto request = signed_request();
  request.headers.set("Authorization", "AWS4-HMAC-SHA256 Credential=a/b/c/d/aws4_request");
  expect_error(request, "IncompleteSignatureException", "requires 'Signature' parameter");
  request.headers.set("Authorization", "Basic QVdTOng=");
  expect_error(request, "IncompleteSignatureException", "AWS4-HMAC-SHA256");
  request.headers.set("Authorization", "AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=0");
  expect_error(request, "IncompleteSignatureException", "5 slash-delimited");
}

}  // namespace
}  // namespace gantry::http::test
