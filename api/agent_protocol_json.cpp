#include "api/agent_frame.h"

namespace gantry::api {

// ---- ACS ----

template <class Visitor>
void members(Visitor& visit, HeartbeatMessage& message) {
  visit("messageId", message.message_id);
  visit("healthy", message.healthy);
}

template <class Visitor>
void members(Visitor& visit, HeartbeatAckRequest& message) {
  visit.required("messageId", message.message_id);
}

template <class Visitor>
void members(Visitor& visit, AckRequest& message) {
  visit("cluster", message.cluster);
  visit("containerInstance", message.container_instance);
  visit.required("messageId", message.message_id);
}

template <class Visitor>
void members(Visitor& visit, NackRequest& message) {
  visit("cluster", message.cluster);
  visit("containerInstance", message.container_instance);
  visit.required("messageId", message.message_id);
  visit("reason", message.reason);
}

template <class Visitor>
void members(Visitor& visit, IamRoleCredentialsAckRequest& message) {
  visit.required("messageId", message.message_id);
  visit("credentialsId", message.credentials_id);
  visit("expiration", message.expiration);
}

template <class Visitor>
void members(Visitor& visit, TaskIdentifier& task) {
  visit.required("taskArn", task.task_arn);
  visit("taskClusterArn", task.task_cluster_arn);
  visit("desiredStatus", task.desired_status);
}

template <class Visitor>
void members(Visitor& visit, TaskManifestMessage& message) {
  visit.required("messageId", message.message_id);
  visit("clusterArn", message.cluster_arn);
  visit("containerInstanceArn", message.container_instance_arn);
  visit("generatedAt", message.generated_at);
  visit.required("timeline", message.timeline);
  visit.always("tasks", message.tasks);
}

template <class Visitor>
void members(Visitor& visit, TaskStopVerificationMessage& message) {
  visit.required("messageId", message.message_id);
  visit.always("stopCandidates", message.stop_candidates);
}

template <class Visitor>
void members(Visitor& visit, TaskStopVerificationAck& message) {
  visit.required("messageId", message.message_id);
  visit("generatedAt", message.generated_at);
  visit.always("stopTasks", message.stop_tasks);
}

template <class Visitor>
void members(Visitor& visit, StageUpdateMessage& message) {
  visit.required("messageId", message.message_id);
  visit("clusterArn", message.cluster_arn);
  visit("containerInstanceArn", message.container_instance_arn);
}

template <class Visitor>
void members(Visitor& visit, PerformUpdateMessage& message) {
  visit.required("messageId", message.message_id);
  visit("clusterArn", message.cluster_arn);
  visit("containerInstanceArn", message.container_instance_arn);
}

template <class Visitor>
void members(Visitor& visit, CloseMessage& message) {
  visit("message", message.message);
}

template <class Visitor>
void members(Visitor& visit, ErrorMessage& message) {
  visit("message", message.message);
}

template <class Visitor>
void members(Visitor& visit, Frame& frame) {
  visit.required("type", frame.type);
  visit("message", frame.message);
}

Result<Frame> parse_frame(std::string_view text, std::string_view source) {
  return parse_json<Frame>(text, source);
}

GANTRY_FRAME(HeartbeatMessage)
GANTRY_FRAME(HeartbeatAckRequest)
GANTRY_FRAME(AckRequest)
GANTRY_FRAME(NackRequest)
GANTRY_FRAME(IamRoleCredentialsAckRequest)
GANTRY_FRAME(TaskManifestMessage)
GANTRY_FRAME(TaskStopVerificationMessage)
GANTRY_FRAME(TaskStopVerificationAck)
GANTRY_FRAME(StageUpdateMessage)
GANTRY_FRAME(PerformUpdateMessage)
GANTRY_FRAME(CloseMessage)
GANTRY_FRAME(ErrorMessage)

}  // namespace gantry::api
