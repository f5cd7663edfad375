#include "agent/telemetry.h"

#include "base/random.h"

namespace gantry::agent {

namespace {

constexpr size_t tasks_a_message = 10;

bool has_health(const Task& task) {
  if (task.record.known == TaskStatus::stopped) return false;
  for (const auto& container : task.record.containers) {
    if (container.health != HealthStatus::none) return true;
  }
  return false;
}

api::TaskHealth task_health(const Task& task, const TelemetryNames& names) {
  api::TaskHealth health{names.cluster, task.arn(), task.payload.family, task.payload.version, {}};
  for (size_t i = 0; i < task.record.containers.size(); ++i) {
    const auto& record = task.record.containers[i];
    if (record.health == HealthStatus::none) continue;
    health.containers.push_back({task.payload.containers[i].name, std::string(enum_name(record.health)),
                                 to_epoch_seconds(record.health_since),
                                 record.health_output.substr(0, 1024)});
  }
  return health;
}

std::optional<api::StatsSet> if_any(const api::StatsSet& set) {
  if (set.sample_count == 0) return std::nullopt;
  return set;
}

api::ContainerMetric container_metric(const api::PayloadContainer& container, const ContainerRecord& record,
                                      const ContainerSamples* samples) {
  api::ContainerMetric metric;
  metric.container_arn = container.container_arn;
  metric.container_name = container.name;
  metric.restart_stats_set = api::RestartStatsSet{static_cast<int64_t>(record.restart_count)};
  if (samples == nullptr) return metric;
  metric.cpu_stats_set = if_any(samples->cpu);
  metric.memory_stats_set = if_any(samples->memory);
  if (samples->received.sample_count > 0) {
    metric.network_stats_set.emplace();
    metric.network_stats_set->rx_bytes = samples->received;
    metric.network_stats_set->tx_bytes = samples->transmitted;
  }
  if (samples->read.sample_count > 0) {
    metric.storage_stats_set = api::StorageStatsSet{samples->read, samples->written};
  }
  return metric;
}

api::TaskMetric task_metric(const Task& task, const Metrics& metrics, const TelemetryNames& names) {
  api::TaskMetric metric{names.cluster, task.arn(), task.payload.family, task.payload.version, {}};
  for (size_t i = 0; i < task.record.containers.size(); ++i) {
    const auto& record = task.record.containers[i];
    if (record.known != ContainerStatus::running) continue;
    metric.container_metrics.push_back(
        container_metric(task.payload.containers[i], record, metrics.find(record.runtime_id)));
  }
  return metric;
}

}  // namespace

std::vector<api::PublishHealthRequest> health_messages(const std::vector<Task>& tasks,
                                                       const TelemetryNames& names, TimePoint now) {
  std::vector<api::PublishHealthRequest> messages;
  for (const auto& task : tasks) {
    if (!has_health(task)) continue;
    if (messages.empty() || messages.back().tasks.size() == tasks_a_message) {
      messages.emplace_back();
      messages.back().metadata = {names.cluster, names.container_instance, random_uuid(), false};
      messages.back().timestamp = to_epoch_seconds(now);
    }
    messages.back().tasks.push_back(task_health(task, names));
  }
  if (!messages.empty()) messages.back().metadata.fin = true;
  return messages;
}

std::string health_digest(const std::vector<Task>& tasks) {
  std::string digest;
  for (const auto& task : tasks) {
    if (!has_health(task)) continue;
    digest += task.arn();
    for (const auto& container : task.record.containers) {
      digest +=
          format(" {}/{}", enum_name(container.health), container.health_since.time_since_epoch().count());
    }
    digest += '\n';
  }
  return digest;
}

std::vector<api::PublishMetricsRequest> metrics_messages(const std::vector<Task>& tasks,
                                                         const Metrics& metrics, const TelemetryNames& names,
                                                         TimePoint now) {
  std::vector<api::PublishMetricsRequest> messages;
  const auto begin = [&] {
    messages.emplace_back();
    messages.back().metadata = {names.cluster, names.container_instance, random_uuid(), false, false};
    messages.back().timestamp = to_epoch_seconds(now);
  };
  for (const auto& task : tasks) {
    auto metric = task_metric(task, metrics, names);
    if (metric.container_metrics.empty()) continue;
    if (messages.empty() || messages.back().task_metrics.size() == tasks_a_message) begin();
    messages.back().task_metrics.push_back(std::move(metric));
  }
  if (messages.empty()) {
    begin();
    messages.back().metadata.idle = true;
  }
  messages.back().metadata.fin = true;
  return messages;
}

}  // namespace gantry::agent
