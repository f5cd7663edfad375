#pragma once

#include "api/agent_protocol.h"
#include "api/agent_telemetry.h"
#include "controlplane/agent_hub.h"
#include "http/websocket.h"

#include <memory>
#include <mutex>
#include <string>

namespace gantry::controlplane {

// One agent's TCS socket: metrics are acknowledged, health goes into the tasks it is about, and by that to
// the deployment loop. The signature inside each frame isn't checked again: the upgrade's was.
class TcsSession final : public http::WebSocketHandler, public std::enable_shared_from_this<TcsSession> {
 public:
  TcsSession(std::shared_ptr<AgentHub> hub, std::string instance_arn);

  void on_open(std::shared_ptr<http::WebSocket> socket) override;
  void on_message(std::string text) override;
  void on_close(const http::CloseReason& reason) override;

  void tick(SteadyTime now);
  void close(uint16_t code, const std::string& reason);

 private:
  Result<void> handle(const std::string& text);
  void take_health(const api::PublishHealthRequest& request);
  void send(std::string text);

  const std::shared_ptr<AgentHub> hub_;
  const std::string instance_arn_;

  std::mutex mutex_;
  std::shared_ptr<http::WebSocket> socket_;  // guarded by mutex_, as below
  Heartbeats heartbeats_;
};

}  // namespace gantry::controlplane
