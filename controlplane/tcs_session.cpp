#include "controlplane/tcs_session.h"

#include "base/log.h"
#include "base/random.h"
#include "controlplane/task_changes.h"

#include <climits>

namespace gantry::controlplane {

namespace {

constexpr std::string_view frame_name = "TCS frame";

// Reports on tasks that this instance doesn't have are dropped with a line in the log.
void apply(Transaction& transaction, const std::string& instance_arn, const api::TaskHealth& health) {
  const auto task = transaction->task(health.task_arn);
  if (!task || task->container_instance_arn != instance_arn) {
    log::warning("health of a foreign task dropped instance={} task={}", api::short_name(instance_arn),
                 api::short_name(health.task_arn));
    return;
  }
  std::map<std::string, api::HealthStatus> containers;
  for (const auto& container : health.containers) {
    containers[container.container_name] =
        enum_value<api::HealthStatus>(container.health_status).value_or(api::HealthStatus::unknown);
  }
  apply_health(transaction, health.task_arn, containers);
}

}  // namespace

// Agents don't acknowledge heartbeats on TCS: none counts as missed.
TcsSession::TcsSession(std::shared_ptr<AgentHub> hub, std::string instance_arn)
    : hub_(std::move(hub)),
      instance_arn_(std::move(instance_arn)),
      heartbeats_(hub_->options().heartbeat, INT_MAX) {}

void TcsSession::on_open(std::shared_ptr<http::WebSocket> socket) {
  {
    const std::lock_guard lock(mutex_);
    socket_ = std::move(socket);
  }
  hub_->attach(shared_from_this());
}

void TcsSession::on_message(std::string text) {
  const auto handled = handle(text);
  if (handled) return;
  log::warning("telemetry refused instance={} error=\"{}\"", api::short_name(instance_arn_),
               handled.error().message());
}

Result<void> TcsSession::handle(const std::string& text) {
  const auto telemetry = TRY(api::split_telemetry_frame(text));
  const auto frame = TRY(api::parse_frame(telemetry.body, frame_name));
  if (frame.type == api::PublishMetricsRequest::type) {
    TRY(api::parse_message<api::PublishMetricsRequest>(frame, frame_name));
    send(api::to_frame(api::AckPublishMetric{"ok"}));
    return {};
  }
  if (frame.type == api::PublishHealthRequest::type) {
    take_health(TRY(api::parse_message<api::PublishHealthRequest>(frame, frame_name)));
    return {};
  }
  if (frame.type == api::PublishInstanceStatusRequest::type) {
    TRY(api::parse_message<api::PublishInstanceStatusRequest>(frame, frame_name));
    send(api::to_frame(api::AckPublishInstanceStatus{"ok"}));
    return {};
  }
  if (frame.type == api::HeartbeatAckRequest::type) {
    const std::lock_guard lock(mutex_);
    heartbeats_.acknowledged();
    return {};
  }
  return Error::make(ErrorKind::unsupported, "message type \"{}\" is unknown", frame.type);
}

// Acknowledged when it is durable.
void TcsSession::take_health(const api::PublishHealthRequest& request) {
  hub_->controller().post(
      [self = shared_from_this(), tasks = request.tasks](Transaction& transaction) -> Result<void> {
        for (const auto& task : tasks) apply(transaction, self->instance_arn_, task);
        return {};
      },
      [self = shared_from_this()](const Result<void>& stored) {
        if (stored) self->send(api::to_frame(api::AckPublishHealth{"ok"}));
      });
}

void TcsSession::send(std::string text) {
  std::shared_ptr<http::WebSocket> socket;
  {
    const std::lock_guard lock(mutex_);
    socket = socket_;
  }
  if (socket) socket->send(std::move(text));
}

void TcsSession::close(uint16_t code, const std::string& reason) {
  std::shared_ptr<http::WebSocket> socket;
  {
    const std::lock_guard lock(mutex_);
    socket = socket_;
  }
  if (socket) socket->close(code, reason);
}

void TcsSession::tick(SteadyTime now) {
  {
    const std::lock_guard lock(mutex_);
    if (!socket_ || !heartbeats_.due(now)) return;
    heartbeats_.sent(now);
  }
  send(api::to_frame(api::HeartbeatMessage{random_uuid(), true}));
}

void TcsSession::on_close(const http::CloseReason&) {
  {
    const std::lock_guard lock(mutex_);
    socket_.reset();
  }
  hub_->detach(shared_from_this());
}

}  // namespace gantry::controlplane
