#include "agent/acs_protocol.h"

namespace gantry::agent {

namespace {

struct ArnOnly {
  std::string arn;
};

struct MessageId {
  std::string id;
};

struct OneTask {
  std::string text = "one";
  std::vector<RawJson> tasks;
};

template <class Visitor>
void members(Visitor& visit, ArnOnly& task) {
  visit("arn", task.arn);
}

template <class Visitor>
void members(Visitor& visit, MessageId& message) {
  visit("messageId", message.id);
}

template <class Visitor>
void members(Visitor& visit, OneTask& message) {
  visit.always("messageId", message.text);
  visit.always("clusterArn", message.text);
  visit.always("containerInstanceArn", message.text);
  visit.always("tasks", message.tasks);
}

}  // namespace

template <class Visitor>
void members(Visitor& visit, LoosePayload& payload) {
  std::string required;
  visit.required("messageId", payload.message_id);
  visit.required("clusterArn", required);
  visit.required("containerInstanceArn", required);
  visit("seqNum", payload.seq_num);
  visit("tasks", payload.tasks);
}

Result<LoosePayload> parse_loose_payload(const api::Frame& frame) {
  return parse_json<LoosePayload>(frame.message.text.empty() ? "{}" : frame.message.text, "PayloadMessage");
}

Result<api::PayloadTask> parse_payload_task(const RawJson& raw) {
  api::Frame frame;
  frame.type = std::string(api::PayloadMessage::type);
  frame.message.text = to_json(OneTask{"one", {raw}});
  auto message = TRY(api::parse_message<api::PayloadMessage>(frame, "task"));
  return std::move(message.tasks.at(0));
}

std::string arn_of(const RawJson& raw) {
  const auto task = parse_json<ArnOnly>(raw.text, "task");
  return task ? task->arn : std::string();
}

std::string message_id_of(const api::Frame& frame) {
  const auto message = parse_json<MessageId>(frame.message.text, frame.type);
  return message ? message->id : std::string();
}

}  // namespace gantry::agent
