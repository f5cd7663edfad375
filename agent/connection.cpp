#include "agent/connection.h"

#include "base/log.h"
#include "base/random.h"

namespace gantry::agent {

Result<PollEndpoints> Endpoints::get() {
  const std::lock_guard lock(mutex_);
  const auto now = clock_.now();
  if (known_ && now - asked_at_ < std::chrono::hours(12)) return *known_;
  auto answer = control_.discover(cluster_, instance_);
  if (answer) {
    known_ = std::move(*answer);
    asked_at_ = now;
    return *known_;
  }
  if (known_) return *known_;
  return answer.error().to_error().context("discover the poll endpoint");
}

std::string websocket_url(std::string endpoint, const std::vector<http::QueryParameter>& query) {
  while (endpoint.ends_with('/')) endpoint.pop_back();
  std::string url = endpoint + "/ws";
  char separator = '?';
  for (const auto& [name, value] : query) {
    url += format("{}{}={}", separator, name, http::percent_encode(value));
    separator = '&';
  }
  return url;
}

Result<std::unique_ptr<http::WebSocketClient>> open_websocket(const std::string& url,
                                                              const http::Credentials& credentials,
                                                              const Config& config, const Clock& clock,
                                                              Refusal& refusal) {
  http::WebSocketOptions options;
  options.url = url;
  options.ca_file = config.ca_file;
  options.headers = TRY(http::sign_upgrade(url, credentials, config.region, "ecs", clock.now()));
  http::Response answer;
  auto socket = http::WebSocketClient::connect(options, &answer);
  if (!socket && !answer.body.empty()) refusal = parse_refusal(answer.body);
  return socket;
}

ConnectionLimits ConnectionLimits::choose() {
  using std::chrono::milliseconds;
  return {std::chrono::minutes(1) + milliseconds(random_below(60'000)),
          std::chrono::minutes(30) + milliseconds(random_below(300'000))};
}

}  // namespace gantry::agent
