#include "controlplane/acs_session.h"

#include "base/log.h"
#include "base/random.h"
#include "controlplane/task_changes.h"

#include <algorithm>

namespace gantry::controlplane {

namespace {

// Numbers are made durable by the block, so that a delivery needs no write of its own.
constexpr int64_t numbers_in_block = 256;
constexpr int most_doublings = 4;  // of the distance between redeliveries
constexpr std::string_view frame_name = "ACS frame";

std::vector<std::string> arns_of(const InstanceTasks& tasks) {
  std::vector<std::string> arns;
  for (const auto& task : tasks.tasks) arns.push_back(task->task_arn);
  return arns;
}

// Should the agent really stop this task, which its manifest didn't have (or had as STOPPED)?
bool is_to_stop(const State& state, const std::string& instance_arn, const api::TaskIdentifier& candidate) {
  const auto task = state.task(candidate.task_arn);
  return !task || task->stopped() || !task->wanted() || task->container_instance_arn != instance_arn;
}

}  // namespace

AcsSession::AcsSession(std::shared_ptr<AgentHub> hub, std::string instance_arn,
                       std::optional<api::VersionInfo> version)
    : hub_(std::move(hub)),
      instance_arn_(std::move(instance_arn)),
      version_(std::move(version)),
      heartbeats_(hub_->options().heartbeat, hub_->options().missed_heartbeats) {}

void AcsSession::on_open(std::shared_ptr<http::WebSocket> socket) {
  log::info("agent connected instance={} from={}", api::short_name(instance_arn_), socket->remote_address());
  {
    const std::lock_guard lock(mutex_);
    socket_ = std::move(socket);
  }
  hub_->attach(shared_from_this());
  auto outgoing = std::make_shared<Outgoing>();
  hub_->controller().post(
      [self = shared_from_this(), outgoing](Transaction& transaction) {
        return self->connect(transaction, *outgoing);
      },
      [self = shared_from_this(), outgoing](const Result<void>& stored) {
        if (stored) {
          self->send_all(*outgoing);
        } else {
          self->drop_reserved_numbers();
          self->close(1011, "ServerException: " + stored.error().message().substr(0, 100));
        }
      });
}

Result<void> AcsSession::connect(Transaction& transaction, Outgoing& outgoing) {
  set_agent_connected(transaction, instance_arn_, true, version_);
  outgoing.manifest_number = TRY(number(transaction));
  outgoing.instance = transaction->instance(instance_arn_);
  outgoing.tasks = live_tasks(transaction.state(), instance_arn_);
  outgoing.now = transaction.now();
  if (!outgoing.tasks.tasks.empty()) outgoing.payload_number = TRY(number(transaction));
  return {};
}

Result<void> AcsSession::collect(Transaction& transaction, const std::vector<std::string>& tasks,
                                 Outgoing& outgoing) {
  outgoing.tasks = live_tasks(transaction.state(), tasks);
  outgoing.instance = transaction->instance(instance_arn_);
  outgoing.now = transaction.now();
  if (!outgoing.tasks.tasks.empty()) outgoing.payload_number = TRY(number(transaction));
  return {};
}

void AcsSession::collect_and_send(std::vector<std::string> tasks, int attempt) {
  auto outgoing = std::make_shared<Outgoing>();
  outgoing->attempt = attempt;
  auto again = tasks;
  hub_->controller().post(
      [self = shared_from_this(), tasks = std::move(tasks), outgoing](Transaction& transaction) {
        return self->collect(transaction, tasks, *outgoing);
      },
      [self = shared_from_this(), outgoing, again = std::move(again)](const Result<void>& stored) {
        if (stored) {
          self->send_all(*outgoing);
        } else {
          self->drop_reserved_numbers();
          self->remember(random_uuid(), again, outgoing->attempt);
        }
      });
}

std::optional<int64_t> AcsSession::reserved_number() {
  const std::lock_guard lock(mutex_);
  if (next_number_ >= end_number_) return std::nullopt;
  return next_number_++;
}

// From the block, or the first of a new one that becomes durable with the transaction.
Result<int64_t> AcsSession::number(Transaction& transaction) {
  if (const auto reserved = reserved_number()) return *reserved;
  const auto found = transaction->instance(instance_arn_);
  if (!found) return Error::make(ErrorKind::not_found, "no container instance {}", instance_arn_);
  ContainerInstance instance = *found;
  const int64_t first = instance.sequence_number + 1;
  instance.sequence_number += numbers_in_block;
  transaction.put(std::move(instance));
  const std::lock_guard lock(mutex_);
  next_number_ = first + 1;
  end_number_ = first + numbers_in_block;
  return first;
}

// They aren't durable after all: their transaction wasn't stored.
void AcsSession::drop_reserved_numbers() {
  const std::lock_guard lock(mutex_);
  next_number_ = end_number_ = 0;
}

void AcsSession::remember(const std::string& message_id, std::vector<std::string> tasks, int attempt) {
  const auto distance = hub_->options().redeliver_after * (1 << std::min(attempt, most_doublings));
  const std::lock_guard lock(mutex_);
  unacknowledged_[message_id] = {std::move(tasks), std::chrono::steady_clock::now() + distance, attempt};
}

void AcsSession::deliver(const State& state, const std::vector<std::string>& task_arns) {
  Outgoing outgoing;
  outgoing.tasks = live_tasks(state, task_arns);
  outgoing.instance = state.instance(instance_arn_);
  if (outgoing.tasks.tasks.empty() || !outgoing.instance) return;
  const auto reserved = reserved_number();
  if (!reserved) {
    collect_and_send(task_arns, 0);
    return;
  }
  outgoing.payload_number = *reserved;
  outgoing.now = to_epoch_seconds(hub_->controller().clock().now());
  send_payload(outgoing);
}

void AcsSession::send_all(const Outgoing& outgoing) {
  if (outgoing.manifest_number != 0) {
    const auto manifest =
        manifest_message(*outgoing.instance, outgoing.manifest_number, outgoing.tasks, outgoing.now);
    {
      const std::lock_guard lock(mutex_);
      manifest_id_ = manifest.message_id;
    }
    send(api::to_frame(manifest));
  }
  if (outgoing.payload_number != 0) send_payload(outgoing);
}

void AcsSession::send_payload(const Outgoing& outgoing) {
  const PayloadOrigin origin{hub_->controller().identity(), hub_->options().registries};
  const auto message =
      payload_message(*outgoing.instance, outgoing.payload_number, outgoing.tasks, outgoing.now, origin);
  remember(message.message_id, arns_of(outgoing.tasks), outgoing.attempt);
  log::debug("payload sent instance={} seq={} tasks={}", api::short_name(instance_arn_), message.seq_num,
             message.tasks.size());
  send(api::to_frame(message));
}

void AcsSession::send(std::string text) {
  std::shared_ptr<http::WebSocket> socket;
  {
    const std::lock_guard lock(mutex_);
    socket = socket_;
  }
  if (socket) socket->send(std::move(text));
}

void AcsSession::close(uint16_t code, const std::string& reason) {
  std::shared_ptr<http::WebSocket> socket;
  {
    const std::lock_guard lock(mutex_);
    socket = socket_;
  }
  if (socket) socket->close(code, reason);
}

void AcsSession::tick(SteadyTime now) {
  std::vector<Unacknowledged> overdue;
  bool beat = false;
  bool alive = true;
  {
    const std::lock_guard lock(mutex_);
    if (!socket_) return;
    beat = heartbeats_.due(now);
    if (beat) alive = heartbeats_.sent(now);
    std::erase_if(unacknowledged_, [&](auto& entry) {
      if (entry.second.due > now) return false;
      overdue.push_back(std::move(entry.second));
      return true;
    });
  }
  if (!alive) {
    log::warning("agent silent instance={}", api::short_name(instance_arn_));
    close(1000, "heartbeats weren't acknowledged");
    return;
  }
  if (beat) send(api::to_frame(api::HeartbeatMessage{random_uuid(), true}));
  for (auto& each : overdue) collect_and_send(std::move(each.tasks), each.attempt + 1);
}

void AcsSession::on_message(std::string text) {
  const auto frame = api::parse_frame(text, frame_name);
  const auto handled = frame ? handle(*frame) : Result<void>(frame.error());
  if (handled) return;
  log::warning("agent message refused instance={} error=\"{}\"", api::short_name(instance_arn_),
               handled.error().message());
}

Result<void> AcsSession::handle(const api::Frame& frame) {
  if (frame.type == api::AckRequest::type) {
    const auto message = TRY(api::parse_message<api::AckRequest>(frame, frame_name));
    const std::lock_guard lock(mutex_);
    unacknowledged_.erase(message.message_id);
    return {};
  }
  if (frame.type == api::HeartbeatAckRequest::type) {
    const std::lock_guard lock(mutex_);
    heartbeats_.acknowledged();
    return {};
  }
  if (frame.type == api::TaskStopVerificationMessage::type) {
    return verify_stops(TRY(api::parse_message<api::TaskStopVerificationMessage>(frame, frame_name)));
  }
  if (frame.type == api::NackRequest::type) {
    const auto message = TRY(api::parse_message<api::NackRequest>(frame, frame_name));
    const std::lock_guard lock(mutex_);
    unacknowledged_.erase(message.message_id);
    return Error::make(ErrorKind::conflict, "message {} refused by the agent: {}", message.message_id,
                       message.reason);
  }
  if (frame.type == api::IamRoleCredentialsAckRequest::type) return {};  // none are ever sent
  return Error::make(ErrorKind::unsupported, "message type \"{}\" is unknown", frame.type);
}

Result<void> AcsSession::verify_stops(const api::TaskStopVerificationMessage& message) {
  {
    const std::lock_guard lock(mutex_);
    if (message.message_id != manifest_id_) {
      return Error::make(ErrorKind::conflict, "stop verification for manifest {}, which isn't the last one",
                         message.message_id);
    }
  }
  auto answer =
      TRY(hub_->controller().run([&](Transaction& transaction) -> Result<api::TaskStopVerificationAck> {
        api::TaskStopVerificationAck ack;
        ack.message_id = message.message_id;
        ack.generated_at = static_cast<int64_t>(transaction.now() * 1000);
        for (const auto& candidate : message.stop_candidates) {
          if (is_to_stop(transaction.state(), instance_arn_, candidate)) ack.stop_tasks.push_back(candidate);
        }
        return ack;
      }));
  for (auto& task : answer.stop_tasks) task.desired_status = "STOPPED";
  log::info("stops verified instance={} candidates={} confirmed={}", api::short_name(instance_arn_),
            message.stop_candidates.size(), answer.stop_tasks.size());
  send(api::to_frame(answer));
  return {};
}

void AcsSession::on_close(const http::CloseReason& reason) {
  log::info("agent disconnected instance={} code={} reason=\"{}\"", api::short_name(instance_arn_),
            reason.code, reason.text);
  {
    const std::lock_guard lock(mutex_);
    socket_.reset();
    unacknowledged_.clear();
  }
  if (!hub_->detach(*this)) return;
  hub_->controller().post([hub = hub_, arn = instance_arn_](Transaction& transaction) -> Result<void> {
    if (!hub->has(arn))
      set_agent_connected(transaction, arn, false);  // a newer socket may have come meanwhile
    return {};
  });
}

}  // namespace gantry::controlplane
