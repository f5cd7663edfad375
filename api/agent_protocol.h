#pragma once

#include "api/agent_payload.h"
#include "api/agent_telemetry.h"
#include "base/json.h"
#include "base/result.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// The messages between the control plane and an agent: ACS (work down, acknowledgements up) and TCS
// (telemetry up). Every websocket text frame is {"type":"<Name>","message":{…}}; a telemetry frame of the
// agent has HTTP header lines before it (telemetry frames, below). Source: amazon-ecs-agent 1.105.1,
// ecs-agent/acs/model and ecs-agent/tcs/model; members keep its names.
//
//   const auto frame = TRY(parse_frame(text, "ACS frame"));
//   if (frame.type == PayloadMessage::type) {
//     const auto payload = TRY(parse_message<PayloadMessage>(frame, "ACS frame"));
//   …
//   socket.send(to_frame(AckRequest{cluster, instance, payload.message_id}));

namespace gantry::api {

// ---- ACS ----

struct HeartbeatMessage {  // to the agent, also on TCS
  static constexpr std::string_view type = "HeartbeatMessage";
  std::string message_id;
  bool healthy = true;
};

struct HeartbeatAckRequest {  // from the agent
  static constexpr std::string_view type = "HeartbeatAckRequest";
  std::string message_id;
};

struct PayloadMessage {  // to the agent
  static constexpr std::string_view type = "PayloadMessage";
  std::string message_id;
  std::string cluster_arn;
  std::string container_instance_arn;
  int64_t seq_num = 0;       // grows across payloads and manifests of an instance
  int64_t generated_at = 0;  // milliseconds since 1970
  std::vector<PayloadTask> tasks;
};

struct AckRequest {  // from the agent
  static constexpr std::string_view type = "AckRequest";
  std::string cluster;
  std::string container_instance;
  std::string message_id;
};

struct NackRequest {  // from the agent
  static constexpr std::string_view type = "NackRequest";
  std::string cluster;
  std::string container_instance;
  std::string message_id;
  std::string reason;
};

struct IamRoleCredentialsMessage {  // to the agent
  static constexpr std::string_view type = "IAMRoleCredentialsMessage";
  std::string message_id;
  std::string task_arn;
  std::string task_cluster_arn;
  std::string role_type;  // TaskApplication, TaskExecution
  IamRoleCredentials role_credentials;
};

struct IamRoleCredentialsAckRequest {  // from the agent
  static constexpr std::string_view type = "IAMRoleCredentialsAckRequest";
  std::string message_id;
  std::string credentials_id;
  std::string expiration;
};

struct TaskIdentifier {
  std::string task_arn;
  std::string task_cluster_arn;
  std::string desired_status;
};

struct TaskManifestMessage {  // to the agent: all tasks it should have
  static constexpr std::string_view type = "TaskManifestMessage";
  std::string message_id;
  std::string cluster_arn;
  std::string container_instance_arn;
  int64_t generated_at = 0;  // milliseconds since 1970
  int64_t timeline = 0;      // shares PayloadMessage's sequence
  std::vector<TaskIdentifier> tasks;
};

struct TaskStopVerificationMessage {  // from the agent: tasks it has that the manifest doesn't
  static constexpr std::string_view type = "TaskStopVerificationMessage";
  std::string message_id;  // the manifest's
  std::vector<TaskIdentifier> stop_candidates;
};

struct TaskStopVerificationAck {  // to the agent: those that really are to stop
  static constexpr std::string_view type = "TaskStopVerificationAck";
  std::string message_id;  // the manifest's
  int64_t generated_at = 0;
  std::vector<TaskIdentifier> stop_tasks;
};

struct StageUpdateMessage {  // to the agent: refused with a NackRequest
  static constexpr std::string_view type = "StageUpdateMessage";
  std::string message_id;
  std::string cluster_arn;
  std::string container_instance_arn;
};

struct PerformUpdateMessage {  // to the agent: refused with a NackRequest
  static constexpr std::string_view type = "PerformUpdateMessage";
  std::string message_id;
  std::string cluster_arn;
  std::string container_instance_arn;
};

struct CloseMessage {
  static constexpr std::string_view type = "CloseMessage";
  std::string message;
};

struct ErrorMessage {
  static constexpr std::string_view type = "ErrorMessage";
  std::string message;
};

// ---- frames ----

struct Frame {
  std::string type;
  RawJson message;
};

// Errors: invalid with `source` and the path: no JSON object, no type.
Result<Frame> parse_frame(std::string_view text, std::string_view source);

// Parses the message of a frame whose type was looked at. Defined for every message above that has a `type`.
// Errors: invalid; required members (message ids, ARNs) are named when they are missing.
template <class Message>
Result<Message> parse_message(const Frame& frame, std::string_view source);

// The whole frame's text: {"type":…,"message":{…}}.
template <class Message>
std::string to_frame(const Message& message);

}  // namespace gantry::api
