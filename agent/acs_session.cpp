#include "agent/acs_session.h"

#include "agent/backoff.h"
#include "base/log.h"

namespace gantry::agent {

namespace {

using SteadyClock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::chrono::hours inactive_wait{1};

}  // namespace

std::string AcsSession::url(const std::string& endpoint) const {
  const auto& instance = protocol_.instance();
  return websocket_url(endpoint, {{"agentHash", "gantry"},
                                  {"agentVersion", GANTRY_VERSION},
                                  {"clusterArn", instance.cluster},
                                  {"containerInstanceArn", instance.container_instance_arn},
                                  {"dockerVersion", "DockerVersion: gantry " GANTRY_VERSION},
                                  {"protocolVersion", "2"},
                                  {"sendCredentials", send_credentials_ ? "true" : "false"},
                                  {"seqNum", "1"}});
}

AcsSession::End AcsSession::serve(http::WebSocketClient& socket, Stopping& stopping) {
  const auto limits = ConnectionLimits::choose();
  const auto opened = SteadyClock::now();
  auto heard = opened;
  while (!stopping.is_set()) {
    const auto text = socket.receive(socket_wake_up);
    const auto now = SteadyClock::now();
    if (!text && text.error().kind() != ErrorKind::timeout) break;
    if (text) {
      heard = now;
      const auto answers = protocol_.handle(*text);
      if (!answers) log::error("ACS message can't be read error=\"{}\"", answers.error().message());
      if (!answers) continue;
      for (const auto& answer : *answers) {
        if (!socket.send(answer)) return End::reconnect;
      }
    }
    if (now - heard > limits.silence) {
      log::warning("ACS connection is silent, connect again seconds={}", limits.silence.count() / 1000);
      break;
    }
    if (now - opened > limits.lifetime) {
      socket.close(1000, "ConnectionExpired: Reconnect to continue");
      break;
    }
  }
  return SteadyClock::now() - opened >= std::chrono::seconds(1) ? End::reconnect : End::back_off;
}

AcsSession::End AcsSession::connect_once(Stopping& stopping) {
  const auto endpoints = endpoints_.get();
  Refusal refusal;
  const auto failed = [&](const Error& error) {
    log::warning("ACS connection failed, retry error=\"{}\" answer={} {}", error.message(), refusal.exception,
                 refusal.message);
    if (refusal.exception == "InactiveInstanceException") return End::inactive;
    return refusal.exception == "InvalidInstanceException" ? End::unknown_instance : End::back_off;
  };
  if (!endpoints) return failed(endpoints.error());
  const auto socket = open_websocket(url(endpoints->endpoint), credentials_, config_, clock_, refusal);
  if (!socket) return failed(socket.error());
  send_credentials_ = false;
  log::info("ACS connected endpoint={}", endpoints->endpoint);
  const auto end = serve(**socket, stopping);
  const auto closed = (*socket)->closed();
  log::info("ACS disconnected code={} reason=\"{}\"", closed ? closed->code : 0, closed ? closed->text : "");
  return end;
}

void AcsSession::run(Stopping& stopping, const std::function<void()>& register_again) {
  Backoff backoff({milliseconds(250), std::chrono::minutes(2), 1.5, 0.2});
  while (!stopping.is_set()) {
    const auto began = SteadyClock::now();
    const auto end = connect_once(stopping);
    if (SteadyClock::now() - began >= steady_connection) backoff.reset();
    if (end == End::unknown_instance) register_again();
    if (end == End::inactive) {
      log::error(
          "this container instance is deregistered: wait an hour, or start the agent with another "
          "--data-dir");
      stopping.wait_for(inactive_wait);
    } else if (end != End::reconnect) {
      stopping.wait_for(backoff.next());
    }
  }
}

}  // namespace gantry::agent
