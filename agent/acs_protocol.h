#pragma once

#include "agent/control_plane.h"
#include "agent/state_store.h"
#include "agent/task_manager.h"
#include "api/agent_protocol.h"

#include <string>
#include <vector>

namespace gantry::agent {

// What an ACS message does, and what is answered; no connection in sight. One thread.
class AcsProtocol {
 public:
  AcsProtocol(TaskManager& manager, const StateStore& store, InstanceState instance, ControlPlane& control)
      : manager_(manager), store_(store), instance_(std::move(instance)), control_(control) {}

  // The frames to send back. Updates and attachments are refused with a NackRequest; a message of a type that
  // isn't known is logged and dropped. Errors: invalid: a frame that can't be read.
  //
  // A payload is acknowledged only when every one of its tasks was accepted and saved; for one that can't be
  // read, STOPPED is submitted with the reason.
  Result<std::vector<std::string>> handle(const std::string& frame);

  const InstanceState& instance() const { return instance_; }

 private:
  Result<std::vector<std::string>> handle_payload(const api::Frame& frame);
  Result<std::vector<std::string>> handle_other(const api::Frame& frame);
  std::vector<std::string> handle_manifest(const api::TaskManifestMessage& manifest);
  void handle_stop_ack(const api::TaskStopVerificationAck& ack);
  bool accept_tasks(std::vector<api::PayloadTask> tasks);  // all of them?
  void refuse_task(const std::string& arn, const Error& error);
  std::string ack(const std::string& message_id) const;
  std::string nack(const std::string& message_id, const std::string& reason) const;
  void raise_sequence(int64_t to);

  TaskManager& manager_;
  const StateStore& store_;
  InstanceState instance_;
  ControlPlane& control_;
  std::string manifest_id_;  // of the last TaskStopVerificationMessage
};

// A payload taken apart so that one bad task doesn't hide the others.
struct LoosePayload {
  std::string message_id;
  int64_t seq_num = 0;
  std::vector<RawJson> tasks;
};
Result<LoosePayload> parse_loose_payload(const api::Frame& frame);
// The task in `raw`. Errors: invalid.
Result<api::PayloadTask> parse_payload_task(const RawJson& raw);
std::string arn_of(const RawJson& raw);              // empty when it has none
std::string message_id_of(const api::Frame& frame);  // likewise

}  // namespace gantry::agent
