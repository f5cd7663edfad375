#include "registry/front.h"

#include "base/text.h"
#include "tests/registry/fixture.h"
#include "tests/support/results.h"

#include <nlohmann/json.hpp>

namespace gantry::registry::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class FrontTest : public RegistryTest {
 protected:
  ~FrontTest() override {
    if (front_) front_->stop();
  }
  // From now on requests go through a front; the fixture's registry is behind it.
  void put_front(const FrontOptions& options = {}) {
    auto log = AccessLog::open(log_file());
    ASSERT_OK(log);
    log_ = std::make_shared<AccessLog>(std::move(log).value());
    auto server = http::Server::start({}, std::make_shared<Front>(registry_, log_, options, clock_));
    ASSERT_OK(server);
    front_ = std::move(server).value();
    port_ = front_->port();
  }
  std::string log_file() const { return folder_->path() + "/access.log"; }
  std::vector<std::string> lines() const {
    auto found = split(read_file(log_file()).value_or(""), '\n');
    found.pop_back();
    return found;
  }

  std::shared_ptr<AccessLog> log_;
  std::unique_ptr<http::Server> front_;
};

TEST_F(FrontTest, MetricsCountRequestsByKindAndStatus) {
  create_repository("app");
  put_front();
  push_image("app", "v1", "layer");
  EXPECT_EQ(get("/v2/app/manifests/v1").status, 200);
  EXPECT_EQ(get("/v2/app/manifests/v2").status, 404);
  EXPECT_EQ(client_.send({.url = url("/v2/app/manifests/v1")})->status, 401);
  const auto metrics = client_.send({.url = url("/metrics")});
  ASSERT_OK(metrics);
  EXPECT_THAT(metrics->headers.get("Content-Type"), HasSubstr("text/plain; version=0.0.4"));
  for (const char* line : {"gantry_registry_requests_total{kind=\"manifest\",code=\"200\"} 1\n",
                           "gantry_registry_requests_total{kind=\"manifest\",code=\"201\"} 1\n",
                           "gantry_registry_requests_total{kind=\"manifest\",code=\"404\"} 1\n",
                           "gantry_registry_requests_total{kind=\"manifest\",code=\"401\"} 1\n",
                           "gantry_registry_requests_total{kind=\"upload\",code=\"201\"} 2\n",
                           "gantry_registry_request_seconds_count{kind=\"manifest\"} 4\n",
                           "gantry_registry_request_seconds_bucket{kind=\"manifest\",le=\"+Inf\"} 4\n",
                           "gantry_registry_repositories 1\n", "gantry_registry_read_only 0\n"}) {
    EXPECT_THAT(metrics->body, HasSubstr(line));
  }
}

TEST_F(FrontTest, TheAccessLogHasALineForEachRequestAndNoSecret) {
  create_repository("app");
  put_front();
  push_blob("app", "layer");
  EXPECT_EQ(get("/v2/app/manifests/no?X-Amz-Signature=secret", {{"User-Agent", "te\"st"}}).status, 404);
  EXPECT_EQ(client_.send({.url = url("/v2/")})->status, 401);
  EXPECT_THAT(call("DescribeRepositories", "{}"), HasSubstr("app"));
  const auto all = lines();
  ASSERT_EQ(all.size(), 4U);
  EXPECT_THAT(
      all[0],
      HasSubstr(
          R"("user":"AKIDREG","method":"POST","path":"/v2/app/blobs/uploads/","kind":"upload","status":201)"));
  EXPECT_THAT(all[1], HasSubstr(R"("path":"/v2/app/manifests/no","kind":"manifest","status":404)"));
  EXPECT_THAT(all[2], HasSubstr(R"("user":"","method":"GET","path":"/v2/","kind":"base","status":401)"));
  EXPECT_THAT(all[3], HasSubstr(R"("user":"AKIDREG","method":"POST","path":"/","kind":"ecr","status":200)"));
  for (const auto& line : all) {
    EXPECT_TRUE(nlohmann::json::accept(line)) << line;
    EXPECT_THAT(line, Not(HasSubstr("secret")));
    EXPECT_THAT(line, Not(HasSubstr(token_)));
  }
}

TEST_F(FrontTest, TheAccessLogCanBeMovedAway) {
  put_front();
  client_.send({.url = url("/v2/")}).value();
  ASSERT_EQ(rename(log_file().c_str(), (log_file() + ".1").c_str()), 0);
  ASSERT_OK(log_->reopen());
  client_.send({.url = url("/health")}).value();
  EXPECT_EQ(lines().size(), 1U);
  EXPECT_THAT(lines()[0], HasSubstr("/health"));
}

TEST_F(FrontTest, AReadOnlyRegistryAnswersPullsAndRefusesChanges) {
  create_repository("app");
  const auto digest = push_image("app", "v1", "layer");
  put_front({.read_only = true});
  EXPECT_EQ(get("/v2/app/manifests/v1").status, 200);
  EXPECT_EQ(send("HEAD", "/v2/app/manifests/v1").status, 200);
  const auto refused = send("POST", "/v2/app/blobs/uploads/");
  EXPECT_EQ(refused.status, 405);
  EXPECT_THAT(refused.body, HasSubstr("\"UNSUPPORTED\""));
  EXPECT_EQ(put_manifest("app", "v2", "{}").status, 405);
  EXPECT_EQ(send("DELETE", "/v2/app/manifests/" + digest).status, 405);
  EXPECT_THAT(call("CreateRepository", R"({"repositoryName":"b"})"), HasSubstr("AccessDeniedException"));
  EXPECT_THAT(call("BatchDeleteImage", R"({"repositoryName":"app","imageIds":[{"imageTag":"v1"}]})"),
              HasSubstr("AccessDeniedException"));
  EXPECT_THAT(call("DescribeImages", R"({"repositoryName":"app"})"), HasSubstr(digest));
  EXPECT_THAT(call("GetAuthorizationToken", "{}"), HasSubstr("authorizationToken"));
  EXPECT_THAT(client_.send({.url = url("/metrics")})->body, HasSubstr("gantry_registry_read_only 1\n"));
}

}  // namespace
}  // namespace gantry::registry::test
