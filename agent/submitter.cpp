#include "agent/submitter.h"

#include "base/log.h"

#include <set>

namespace gantry::agent {

namespace {

constexpr std::chrono::seconds longest_pause{30};

std::optional<api::EpochSeconds> seconds_of(const std::optional<TimePoint>& time) {
  if (!time) return std::nullopt;
  return to_epoch_seconds(*time);
}

api::ContainerChangeRequest container_change(const std::string& name, const ContainerRecord& record) {
  api::ContainerChangeRequest change;
  change.container_name = name;
  change.runtime_id = record.runtime_id;
  change.image_digest = record.image_digest;
  change.exit_code = record.exit_code;
  change.reason = record.reason;
  change.status = record.known == ContainerStatus::stopped ? "STOPPED" : "RUNNING";
  for (const auto& port : record.bindings) {
    api::NetworkBinding binding;
    binding.bind_ip = port.bind_ip;
    binding.container_port = port.container_port;
    binding.host_port = port.host_port;
    binding.protocol = port.protocol;
    change.network_bindings.push_back(std::move(binding));
  }
  return change;
}

}  // namespace

api::SubmitTaskStateChangeRequest state_change(const Task& task, const std::string& cluster) {
  const auto& record = task.record;
  api::SubmitTaskStateChangeRequest request;
  request.cluster = cluster;
  request.task = task.arn();
  request.status = std::string(enum_name(record.known));
  request.reason = record.known == TaskStatus::stopped ? record.reason : std::string();
  request.pull_started_at = seconds_of(record.pull_started_at);
  request.pull_stopped_at = seconds_of(record.pull_stopped_at);
  request.execution_stopped_at = seconds_of(record.execution_stopped_at);
  for (size_t i = 0; i < record.containers.size(); ++i) {
    if (record.containers[i].known < ContainerStatus::running) continue;
    request.containers.push_back(container_change(task.payload.containers[i].name, record.containers[i]));
  }
  return request;
}

void Submitter::send(const Task& task) {
  const auto answer = control_.submit(state_change(task, cluster_));
  const bool refused = !answer && answer.error().name == "InvalidParameterException";
  if (answer || refused) {
    retries_.erase(task.arn());
    manager_.mark_sent(task);
    if (refused) {
      log::error("state change refused, dropped task={} status={} error=\"{}\"", task.id(),
                 enum_name(task.record.known), answer.error().message);
    } else {
      log::info("state change sent task={} status={}", task.id(), enum_name(task.record.known));
    }
    return;
  }
  auto& retry = retries_[task.arn()];
  const auto wait = retry.backoff.next();
  retry.due = clock_.now() + wait;
  log::warning("state change not sent, retry in={}ms task={} status={} error=\"{}\"", wait.count(), task.id(),
               enum_name(task.record.known), answer.error().to_error().message());
}

std::optional<TimePoint> Submitter::send_due() {
  std::set<std::string> known;
  for (const auto& task : manager_.tasks()) {
    known.insert(task.arn());
    if (!task.has_unsent()) continue;
    const auto retry = retries_.find(task.arn());
    if (retry == retries_.end() || clock_.now() >= retry->second.due) send(task);
  }
  std::erase_if(retries_, [&](const auto& entry) { return !known.contains(entry.first); });
  std::optional<TimePoint> next;
  for (const auto& [arn, retry] : retries_) {
    if (!next || retry.due < *next) next = retry.due;
  }
  return next;
}

void Submitter::run(Stopping& stopping) {
  uint64_t seen = 0;
  while (!stopping.is_set()) {
    const auto next = send_due();
    std::chrono::milliseconds limit = longest_pause;
    if (next) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(*next - clock_.now());
      limit = std::clamp(left, std::chrono::milliseconds(1), limit);
    }
    seen = manager_.wait_for_change(seen, limit);
  }
}

}  // namespace gantry::agent
