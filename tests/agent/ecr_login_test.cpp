#include "agent/ecr_login.h"

#include "base/files.h"
#include "base/process.h"
#include "base/text.h"
#include "http/aws_json.h"
#include "http/credentials_file.h"
#include "http/server.h"
#include "tests/support/results.h"

namespace gantry::agent {
namespace {

using std::chrono::hours;
using testing::HasSubstr;

// Serves GetAuthorizationToken to those who sign for ECR: passwords p1, p2, …, good for 12 hours.
class FakeEcr final : public http::Handler {
 public:
  explicit FakeEcr(const Clock& clock) : clock_(clock) {
    keys_.add(credentials);
    dispatcher_.add("AmazonEC2ContainerRegistry_V20150921", "ecr", "GetAuthorizationToken",
                    [this](const http::AwsCall&) -> http::AwsResult<std::string> {
                      const auto token = base64_encode(format("AWS:p{}", ++answered));
                      return format(
                          R"({{"authorizationData":[{{"authorizationToken":"{}","expiresAt":{}}}]}})", token,
                          to_epoch_seconds(clock_.now() + hours(12)));
                    });
  }
  http::Response handle(http::Request& request) override { return dispatcher_.handle(request); }

  const http::Credentials credentials{"AKIDEXAMPLE", Secret("a-secret"), {}, {}};
  int answered = 0;

 private:
  const Clock& clock_;
  SystemClock real_;
  http::MemoryCredentialStore keys_;
  http::SigV4Verifier verifier_{keys_, {"eu-west-1", {"ecr"}, std::chrono::minutes(15)}, real_};
  http::AwsJsonDispatcher dispatcher_{verifier_};
};

class EcrLogins : public testing::Test {
 protected:
  void serve(const http::ServerOptions& options = {}) {
    auto started = http::Server::start(options, ecr_);
    ASSERT_OK(started);
    server_ = std::move(*started);
  }
  RegistryLogin wanted(const std::string& scheme = "http") const {
    return {true, "eu-west-1", format("{}://127.0.0.1:{}", scheme, server_->port())};
  }
  EcrLogin login(const std::string& ca_file = {}) { return {ecr_->credentials, ca_file, clock_}; }
  static std::string password(const Result<images::Credential>& credential) {
    return credential ? credential->username + ":" + credential->password.reveal()
                      : credential.error().message();
  }

  ManualClock clock_{SystemClock().now()};
  std::shared_ptr<FakeEcr> ecr_ = std::make_shared<FakeEcr>(clock_);
  std::unique_ptr<http::Server> server_;
};

TEST_F(EcrLogins, AskTheEndpointThatThePayloadNames) {
  serve();
  auto ecr = login();
  EXPECT_EQ(password(ecr.login(wanted())), "AWS:p1");
}

TEST_F(EcrLogins, KeepAPasswordForHalfOfItsLife) {
  serve();
  auto ecr = login();
  EXPECT_EQ(password(ecr.login(wanted())), "AWS:p1");
  clock_.advance(hours(6) - std::chrono::seconds(1));
  EXPECT_EQ(password(ecr.login(wanted())), "AWS:p1");
  clock_.advance(std::chrono::seconds(2));
  EXPECT_EQ(password(ecr.login(wanted())), "AWS:p2");
}

TEST_F(EcrLogins, AskOnceAnewWhenThePasswordIsRefused) {
  serve();
  auto ecr = login();
  std::vector<std::string> tried;
  const auto accepting = [&](const std::string& good, ErrorKind refusal) {
    return [&tried, good, refusal](const images::Credential& credential) -> Result<images::Image> {
      tried.push_back(credential.password.reveal());
      if (tried.back() == good) return images::Image{};
      return Error(refusal, "refused");
    };
  };
  EXPECT_OK(ecr.pull(wanted(), accepting("p1", ErrorKind::unauthenticated)));
  EXPECT_OK(ecr.pull(wanted(), accepting("p2", ErrorKind::unauthenticated)));
  EXPECT_OK(ecr.pull(wanted(), accepting("p3", ErrorKind::denied)));
  EXPECT_THAT(tried, testing::ElementsAre("p1", "p1", "p2", "p2", "p3"));
  tried.clear();
  EXPECT_ERROR(ecr.pull(wanted(), accepting("none", ErrorKind::unauthenticated)), ErrorKind::unauthenticated,
               "refused");
  EXPECT_THAT(tried, testing::ElementsAre("p3", "p4")) << "no third try";
  tried.clear();
  EXPECT_ERROR(ecr.pull(wanted(), accepting("none", ErrorKind::not_found)), ErrorKind::not_found, "refused");
  EXPECT_THAT(tried, testing::ElementsAre("p4")) << "another error says nothing of the password";
}

TEST_F(EcrLogins, SignWithTheAgentsKey) {
  serve();
  EcrLogin ecr({"AKIDOTHER", Secret("other"), {}, {}}, {}, clock_);
  EXPECT_ERROR(ecr.login(wanted()), ErrorKind::unauthenticated,
               HasSubstr("log in to ECR at http://127.0.0.1"));
}

TEST_F(EcrLogins, TrustTheAgentsAuthority) {
  const auto folder = TemporaryDirectory::make();
  ASSERT_OK(folder);
  http::ServerOptions options;
  options.certificate_file = join_path(folder->path(), "cert.pem");
  options.key_file = join_path(folder->path(), "key.pem");
  ASSERT_OK(check_command(
      {.arguments = {"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                     "-nodes", "-days", "2", "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1",
                     "-keyout", options.key_file, "-out", options.certificate_file}}));
  serve(options);
  auto trusting = login(options.certificate_file);
  EXPECT_EQ(password(trusting.login(wanted("https"))), "AWS:p1");
  auto other = login();
  EXPECT_THAT(password(other.login(wanted("https"))), HasSubstr("certificate"));
}

TEST_F(EcrLogins, SendNoPasswordInTheClear) {
  auto ecr = login();
  EXPECT_ERROR(ecr.login({true, "eu-west-1", "http://192.0.2.1:5000"}), ErrorKind::denied,
               HasSubstr("endpointOverride http://192.0.2.1:5000: passwords come by https only"));
  EXPECT_ERROR(ecr.login({true, "eu-west-1", "ws://127.0.0.1:5000"}), ErrorKind::invalid,
               HasSubstr("endpointOverride ws://"));
}

}  // namespace
}  // namespace gantry::agent
