#include "agent/ecr_login.h"
#include "base/json.h"
#include "base/text.h"
#include "http/aws_json.h"

namespace gantry::agent {

namespace {

struct AuthorizationData {
  std::string token;
  double expires_at = 0;
};

struct Answer {
  std::vector<AuthorizationData> data;
};

template <class Visitor>
void members(Visitor& visit, AuthorizationData& data) {
  visit.required("authorizationToken", data.token);
  visit("expiresAt", data.expires_at);
}

template <class Visitor>
void members(Visitor& visit, Answer& answer) {
  visit.required("authorizationData", answer.data);
}

}  // namespace

Result<EcrToken> parse_ecr_token(std::string_view text) {
  const auto answer = TRY(parse_json<Answer>(text, "ECR GetAuthorizationToken"));
  if (answer.data.empty()) return Error::make(ErrorKind::corrupt, "ECR GetAuthorizationToken: no token");
  const auto decoded = TRY(base64_decode(answer.data[0].token));
  const auto colon = decoded.find(':');
  if (colon == std::string::npos) {
    return Error::make(ErrorKind::corrupt, "ECR GetAuthorizationToken: the token isn't USER:PASSWORD");
  }
  EcrToken token;
  token.credential.username = decoded.substr(0, colon);
  token.credential.password = Secret(decoded.substr(colon + 1));
  token.expires_at = answer.data[0].expires_at;
  return token;
}

Result<images::Credential> EcrLogin::login(const RegistryLogin& wanted) {
  const std::lock_guard lock(mutex_);
  const auto now = SystemClock().now();
  http::AwsEndpoint endpoint;
  endpoint.url =
      wanted.endpoint.empty() ? format("https://api.ecr.{}.amazonaws.com", wanted.region) : wanted.endpoint;
  if (endpoint.url.find("://") == std::string::npos) endpoint.url = "https://" + endpoint.url;
  endpoint.region = wanted.region;
  endpoint.service = "ecr";
  endpoint.target_prefix = "AmazonEC2ContainerRegistry_V20150921";
  const auto known = kept_.find(endpoint.url);
  if (known != kept_.end() && now < known->second.until) return known->second.credential;
  http::ClientOptions options;
  options.ca_file = ca_file_;
  const auto url = endpoint.url;
  http::AwsJsonClient client(std::move(endpoint), credentials_, options);
  const auto answer = client.call("GetAuthorizationToken", "{}");
  if (!answer) return answer.error().to_error().context("log in to ECR at {}", url);
  auto token = TRY(parse_ecr_token(*answer));
  const auto life = from_epoch_seconds(token.expires_at) - now;
  kept_[url] = {token.credential, now + life / 2};
  return token.credential;
}

}  // namespace gantry::agent
