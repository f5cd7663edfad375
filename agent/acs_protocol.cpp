#include "agent/acs_protocol.h"

#include "agent/control_plane.h"
#include "base/log.h"
#include "base/text.h"

#include <algorithm>
#include <set>

namespace gantry::agent {

namespace {

std::vector<std::string> credential_acks(const std::string& message_id, const api::PayloadTask& task) {
  std::vector<std::string> acks;
  for (const auto* credentials : {&task.role_credentials, &task.execution_role_credentials}) {
    if (!*credentials || (*credentials)->credentials_id.empty()) continue;
    acks.push_back(api::to_frame(api::IamRoleCredentialsAckRequest{message_id, (*credentials)->credentials_id,
                                                                   (*credentials)->expiration}));
  }
  return acks;
}

// Members that the protocol didn't have when this agent was written: newer control planes may send them.
void warn_unknown(const api::PayloadTask& task) {
  const auto warn = [&task](std::string_view whose, const std::vector<std::string>& names) {
    if (names.empty()) return;
    log::warning(
        "payload has members that this agent doesn't know, they are ignored task={} of={} members={}",
        task.arn, whose, join(names, ","));
  };
  warn("task", task.unknown);
  for (const auto& container : task.containers) warn(container.name, container.unknown);
  for (const auto& volume : task.volumes) warn(volume.name, volume.unknown);
}

}  // namespace

std::string AcsProtocol::ack(const std::string& message_id) const {
  return api::to_frame(api::AckRequest{instance_.cluster, instance_.container_instance_arn, message_id});
}

std::string AcsProtocol::nack(const std::string& message_id, const std::string& reason) const {
  return api::to_frame(
      api::NackRequest{instance_.cluster, instance_.container_instance_arn, message_id, reason});
}

void AcsProtocol::raise_sequence(int64_t to) {
  if (to <= instance_.sequence) return;
  instance_.sequence = to;
  if (const auto saved = store_.save_instance(instance_); !saved) {
    log::error("sequence number not saved error=\"{}\"", saved.error().message());
  }
}

Result<std::vector<std::string>> AcsProtocol::handle(const std::string& text) {
  const auto frame = TRY(api::parse_frame(text, "ACS frame"));
  if (frame.type == api::HeartbeatMessage::type) {
    const auto message = TRY(api::parse_message<api::HeartbeatMessage>(frame, "ACS"));
    return std::vector{api::to_frame(api::HeartbeatAckRequest{message.message_id})};
  }
  if (frame.type == api::PayloadMessage::type) return handle_payload(frame);
  if (frame.type == api::TaskManifestMessage::type) {
    return handle_manifest(TRY(api::parse_message<api::TaskManifestMessage>(frame, "ACS")));
  }
  if (frame.type == api::TaskStopVerificationAck::type) {
    handle_stop_ack(TRY(api::parse_message<api::TaskStopVerificationAck>(frame, "ACS")));
    return std::vector<std::string>{};
  }
  if (frame.type == api::IamRoleCredentialsMessage::type) {
    const auto message = TRY(api::parse_message<api::IamRoleCredentialsMessage>(frame, "ACS"));
    const auto& credentials = message.role_credentials;
    log::warning("role credentials aren't used by this agent task={} role={}", message.task_arn,
                 credentials.role_arn);
    return std::vector{api::to_frame(api::IamRoleCredentialsAckRequest{
        message.message_id, credentials.credentials_id, credentials.expiration})};
  }
  return handle_other(frame);
}

// Updates and attachments are refused, the rest is only written down.
Result<std::vector<std::string>> AcsProtocol::handle_other(const api::Frame& frame) {
  static const std::set<std::string_view> updates = {api::StageUpdateMessage::type,
                                                     api::PerformUpdateMessage::type};
  static const std::set<std::string_view> attachments = {"AttachTaskNetworkInterfacesMessage",
                                                         "AttachInstanceNetworkInterfacesMessage",
                                                         "ConfirmAttachmentMessage"};
  if (updates.contains(frame.type)) {
    return std::vector{nack(message_id_of(frame), "updates are not enabled on this agent")};
  }
  if (attachments.contains(frame.type)) {
    log::warning("attachment refused type={} message={}", frame.type, frame.message.text.substr(0, 200));
    return std::vector{nack(message_id_of(frame), format("{} isn't supported by this agent", frame.type))};
  }
  log::warning("ACS message not handled type={} message={}", frame.type, frame.message.text.substr(0, 200));
  return std::vector<std::string>{};
}

Result<std::vector<std::string>> AcsProtocol::handle_payload(const api::Frame& frame) {
  const auto payload = TRY(parse_loose_payload(frame));
  raise_sequence(payload.seq_num);
  std::vector<api::PayloadTask> tasks;
  std::vector<std::string> answers;
  bool all_read = true;
  for (const auto& raw : payload.tasks) {
    auto task = parse_payload_task(raw);
    if (task) {
      warn_unknown(*task);
      for (auto& answer : credential_acks(payload.message_id, *task)) answers.push_back(std::move(answer));
      tasks.push_back(std::move(*task));
    } else {
      all_read = false;
      refuse_task(arn_of(raw), task.error());
    }
  }
  const bool all_kept = accept_tasks(std::move(tasks));
  if (all_read && all_kept) answers.insert(answers.begin(), ack(payload.message_id));
  return answers;
}

// Stops first: what they free may be needed by the starts.
bool AcsProtocol::accept_tasks(std::vector<api::PayloadTask> tasks) {
  std::stable_partition(tasks.begin(), tasks.end(),
                        [](const auto& task) { return task.desired_status == "STOPPED"; });
  bool all = true;
  for (const auto& task : tasks) {
    const auto accepted = manager_.accept(task);
    if (accepted) continue;
    all = false;
    log::error("task not accepted task={} error=\"{}\"", task.arn, accepted.error().message());
    if (accepted.error().kind() == ErrorKind::invalid) refuse_task(task.arn, accepted.error());
  }
  return all;
}

void AcsProtocol::refuse_task(const std::string& arn, const Error& error) {
  log::error("task can't be read task={} error=\"{}\"", arn, error.message());
  if (arn.empty()) return;
  api::SubmitTaskStateChangeRequest request;
  request.cluster = instance_.cluster;
  request.task = arn;
  request.status = "STOPPED";
  request.reason =
      "UnrecogniedTaskError: Error loading task - " + error.message();  // spelt as the ECS agent does
  if (const auto sent = control_.submit(request); !sent) {
    log::warning("refusal not sent, retry when it comes again task={} error=\"{}\"", arn,
                 sent.error().to_error().message());
  }
}

std::vector<std::string> AcsProtocol::handle_manifest(const api::TaskManifestMessage& manifest) {
  if (manifest.timeline <= instance_.sequence) {
    log::info("manifest older than what was seen timeline={} seen={}", manifest.timeline, instance_.sequence);
    return {};
  }
  raise_sequence(manifest.timeline);
  std::set<std::string> wanted;
  for (const auto& task : manifest.tasks) {
    if (task.desired_status != "STOPPED") wanted.insert(task.task_arn);
  }
  api::TaskStopVerificationMessage question{manifest.message_id, {}};
  for (const auto& task : manager_.tasks()) {
    if (wanted.contains(task.arn()) || task.record.stop_wanted) continue;
    question.stop_candidates.push_back({task.arn(), manifest.cluster_arn, "STOPPED"});
  }
  std::vector<std::string> answers = {ack(manifest.message_id)};
  if (question.stop_candidates.empty()) return answers;
  manifest_id_ = manifest.message_id;
  answers.push_back(api::to_frame(question));
  return answers;
}

void AcsProtocol::handle_stop_ack(const api::TaskStopVerificationAck& ack) {
  if (ack.message_id != manifest_id_) return;
  for (const auto& task : ack.stop_tasks) {
    log::warning("task stopped: the control plane doesn't know it task={}", task.task_arn);
    manager_.stop(task.task_arn, "Task isn't known to the control plane");
  }
}

}  // namespace gantry::agent
