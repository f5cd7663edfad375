#include "agent/tcs_session.h"

#include "agent/backoff.h"
#include "api/agent_protocol.h"
#include "base/log.h"

#include <thread>

namespace gantry::agent {

namespace {

using SteadyClock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::chrono::seconds publish_interval{20};
constexpr std::chrono::seconds sample_interval{5};

}  // namespace

Result<std::string> signed_frame(const std::string& url, const std::string& body,
                                 const http::Credentials& credentials, const std::string& region,
                                 TimePoint now) {
  http::ClientRequest request;
  request.method = "GET";
  request.url = url;
  request.body = body;
  TRY(http::sign(request, credentials, region, "ecs", now));
  const auto parsed = TRY(http::Url::parse(url));
  api::TelemetryFrame frame;
  frame.headers.emplace_back("Host", parsed.authority());
  for (const auto& field : request.headers) frame.headers.emplace_back(field.name, field.value);
  frame.body = body;
  return api::join_telemetry_frame(frame);
}

bool TcsSession::send(http::WebSocketClient& socket, const std::string& url, const std::string& body) {
  const auto frame = signed_frame(url, body, credentials_, config_.region, clock_.now());
  if (!frame) {
    log::error("TCS frame not made error=\"{}\"", frame.error().message());
    return false;
  }
  return bool(socket.send(*frame));
}

bool TcsSession::send_health(http::WebSocketClient& socket, const std::string& url) {
  for (const auto& message : health_messages(manager_.tasks(), names_, clock_.now())) {
    if (!send(socket, url, api::to_frame(message))) return false;
  }
  return true;
}

bool TcsSession::send_metrics(http::WebSocketClient& socket, const std::string& url) {
  for (const auto& message : metrics_messages(manager_.tasks(), metrics_, names_, clock_.now())) {
    if (!send(socket, url, api::to_frame(message))) return false;
  }
  metrics_.clear();
  return true;
}

void TcsSession::publish(http::WebSocketClient& socket, const std::string& url,
                         const std::atomic<bool>& ending) {
  std::string digest;
  uint64_t seen = 0;
  auto due = SteadyClock::now();
  auto sample = due;
  bool good = true;
  while (good && !ending) {
    const auto now = SteadyClock::now();
    const auto tasks = manager_.tasks();
    if (!config_.disable_metrics && now >= sample) {
      metrics_.sample(tasks, driver_);
      sample = now + sample_interval;
    }
    const auto latest = health_digest(tasks);
    const bool round = now >= due;
    if (round || latest != digest) good = send_health(socket, url);
    if (good && round && !config_.disable_metrics) good = send_metrics(socket, url);
    if (round) due = now + publish_interval;
    digest = latest;
    seen = manager_.wait_for_change(seen, socket_wake_up);
  }
}

void TcsSession::read(http::WebSocketClient& socket, Stopping& stopping, const std::atomic<bool>& ending) {
  const auto limits = ConnectionLimits::choose();
  const auto opened = SteadyClock::now();
  auto heard = opened;
  while (!stopping.is_set() && !ending) {
    const auto text = socket.receive(socket_wake_up);
    const auto now = SteadyClock::now();
    if (!text && text.error().kind() != ErrorKind::timeout) return;
    if (text) heard = now;
    if (text && text->find("Heartbeat") == std::string::npos && text->find("\"Ack") == std::string::npos) {
      log::debug("TCS message={}", text->substr(0, 200));
    }
    if (now - heard > limits.silence) return;
    if (now - opened > limits.lifetime) {
      socket.close(1000, "ConnectionExpired: Reconnect to continue");
      return;
    }
  }
}

bool TcsSession::connect_once(Stopping& stopping) {
  const auto endpoints = endpoints_.get();
  if (!endpoints) return false;  // ACS says why
  const auto url =
      websocket_url(endpoints->telemetry_endpoint, {{"agentHash", "gantry"},
                                                    {"agentVersion", GANTRY_VERSION},
                                                    {"cluster", names_.cluster},
                                                    {"containerInstance", names_.container_instance},
                                                    {"dockerVersion", "gantry " GANTRY_VERSION}});
  Refusal refusal;
  const auto socket = open_websocket(url, credentials_, config_, clock_, refusal);
  if (!socket) {
    log::warning("TCS connection failed, retry error=\"{}\" answer={} {}", socket.error().message(),
                 refusal.exception, refusal.message);
    return false;
  }
  log::info("TCS connected endpoint={}", endpoints->telemetry_endpoint);
  const auto opened = SteadyClock::now();
  std::atomic<bool> ending = false;
  std::thread publisher([&] {
    publish(**socket, url, ending);
    ending = true;
  });
  read(**socket, stopping, ending);
  ending = true;
  publisher.join();
  return SteadyClock::now() - opened >= steady_connection;
}

void TcsSession::run(Stopping& stopping) {
  Backoff backoff({std::chrono::seconds(1), std::chrono::minutes(1), 2, 0.2});
  while (!stopping.is_set()) {
    if (connect_once(stopping)) backoff.reset();
    stopping.wait_for(backoff.next());
  }
}

}  // namespace gantry::agent
