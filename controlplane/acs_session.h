#pragma once

#include "api/agent_protocol.h"
#include "controlplane/acs_payload.h"
#include "controlplane/agent_hub.h"
#include "http/websocket.h"

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace gantry::controlplane {

// One agent's ACS socket. On opening: the manifest, then all of its live tasks as a payload (idempotent by
// task ARN); later each new or dropped task. Payloads without an acknowledgement are made anew and sent
// again, at growing distances.
//
// Threads: on_… on the http server's workers, deliver() and the commands' ends on the state thread, tick() on
// the hub's ticker; what they share is behind the mutex.
class AcsSession final : public http::WebSocketHandler, public std::enable_shared_from_this<AcsSession> {
 public:
  AcsSession(std::shared_ptr<AgentHub> hub, std::string instance_arn,
             std::optional<api::VersionInfo> version);

  const std::string& instance_arn() const { return instance_arn_; }

  void on_open(std::shared_ptr<http::WebSocket> socket) override;
  void on_message(std::string text) override;
  void on_close(const http::CloseReason& reason) override;

  // On the state thread, when changes of these tasks are durable.
  void deliver(const State& state, const std::vector<std::string>& task_arns);
  void tick(SteadyTime now);
  void close(uint16_t code, const std::string& reason);

 private:
  struct Unacknowledged {
    std::vector<std::string> tasks;
    SteadyTime due;
    int attempt = 0;
  };
  // What a command on the state thread collected for sending.
  struct Outgoing {
    Ptr<ContainerInstance> instance;
    InstanceTasks tasks;
    int64_t manifest_number = 0;  // 0: no manifest
    int64_t payload_number = 0;
    api::EpochSeconds now = 0;
    int attempt = 0;
  };

  Result<void> connect(Transaction& transaction, Outgoing& outgoing);
  Result<void> collect(Transaction& transaction, const std::vector<std::string>& tasks, Outgoing& outgoing);
  void collect_and_send(std::vector<std::string> tasks, int attempt);
  void send_all(const Outgoing& outgoing);
  void send_payload(const Outgoing& outgoing);
  void send(std::string text);
  Result<int64_t> number(Transaction& transaction);
  std::optional<int64_t> reserved_number();
  void drop_reserved_numbers();
  void remember(const std::string& message_id, std::vector<std::string> tasks, int attempt);
  Result<void> handle(const api::Frame& frame);
  Result<void> verify_stops(const api::TaskStopVerificationMessage& message);

  const std::shared_ptr<AgentHub> hub_;
  const std::string instance_arn_;
  const std::optional<api::VersionInfo> version_;

  std::mutex mutex_;
  std::shared_ptr<http::WebSocket> socket_;               // guarded by mutex_, as all below
  std::map<std::string, Unacknowledged> unacknowledged_;  // by message id
  std::string manifest_id_;
  Heartbeats heartbeats_;
  int64_t next_number_ = 0;  // sequence numbers that are durably ours: [next, end)
  int64_t end_number_ = 0;
};

}  // namespace gantry::controlplane
