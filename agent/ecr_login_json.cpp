#include "agent/ecr_login.h"
#include "base/json.h"
#include "base/text.h"
#include "http/aws_json.h"
#include "http/listen.h"

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

Result<http::AwsEndpoint> ecr_endpoint(const RegistryLogin& wanted) {
  http::AwsEndpoint endpoint;
  endpoint.url =
      wanted.endpoint.empty() ? format("https://api.ecr.{}.amazonaws.com", wanted.region) : wanted.endpoint;
  if (endpoint.url.find("://") == std::string::npos) endpoint.url = "https://" + endpoint.url;
  endpoint.region = wanted.region;
  endpoint.service = "ecr";
  endpoint.target_prefix = "AmazonEC2ContainerRegistry_V20150921";
  const auto url = TRY(http::Url::parse(endpoint.url).context("registryAuthentication: endpointOverride"));
  if (url.scheme == "https" || (url.scheme == "http" && http::is_loopback(url.host))) return endpoint;
  return Error::make(url.scheme == "http" ? ErrorKind::denied : ErrorKind::invalid,
                     "registryAuthentication: endpointOverride {}: passwords come by https only, or by http "
                     "on loopback",
                     wanted.endpoint);
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
  const auto endpoint = TRY(ecr_endpoint(wanted));
  const std::lock_guard lock(mutex_);
  const auto now = clock_.now();
  const auto known = kept_.find(endpoint.url);
  if (known != kept_.end() && now < known->second.until) return known->second.credential;
  http::ClientOptions options;
  options.ca_file = ca_file_;
  http::AwsJsonClient client(endpoint, credentials_, options);
  const auto answer = client.call("GetAuthorizationToken", "{}");
  if (!answer) return answer.error().to_error().context("log in to ECR at {}", endpoint.url);
  auto token = TRY(parse_ecr_token(*answer));
  const auto life = from_epoch_seconds(token.expires_at) - now;
  kept_[endpoint.url] = {token.credential, now + life / 2};
  return token.credential;
}

Result<images::Image> EcrLogin::pull(const RegistryLogin& wanted, const Pull& pull) {
  const auto credential = TRY(login(wanted));
  auto pulled = pull(credential);
  if (pulled) return pulled;
  const auto kind = pulled.error().kind();
  if (kind != ErrorKind::unauthenticated && kind != ErrorKind::denied) return pulled;
  forget(wanted, credential);
  return pull(TRY(login(wanted)));
}

// Unless another thread has a newer one by now.
void EcrLogin::forget(const RegistryLogin& wanted, const images::Credential& refused) {
  const auto endpoint = ecr_endpoint(wanted);
  if (!endpoint) return;
  const std::lock_guard lock(mutex_);
  const auto known = kept_.find(endpoint->url);
  if (known == kept_.end()) return;
  if (known->second.credential.password.reveal() == refused.password.reveal()) kept_.erase(known);
}

}  // namespace gantry::agent
