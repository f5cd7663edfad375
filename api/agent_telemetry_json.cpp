#include "api/agent_frame.h"
#include "base/text.h"

namespace gantry::api {

// ---- TCS ----

template <class Visitor>
void members(Visitor& visit, MetricsMetadata& metadata) {
  visit("cluster", metadata.cluster);
  visit("containerInstance", metadata.container_instance);
  visit("messageId", metadata.message_id);
  visit("idle", metadata.idle);
  visit("fin", metadata.fin);
}

template <class Visitor>
void members(Visitor& visit, StatsSet& stats) {
  visit("max", stats.max);
  visit("min", stats.min);
  visit("sampleCount", stats.sample_count);
  visit("sum", stats.sum);
}

template <class Visitor>
void members(Visitor& visit, NetworkStatsSet& stats) {
  visit("rxBytes", stats.rx_bytes);
  visit("rxDropped", stats.rx_dropped);
  visit("rxErrors", stats.rx_errors);
  visit("rxPackets", stats.rx_packets);
  visit("txBytes", stats.tx_bytes);
  visit("txDropped", stats.tx_dropped);
  visit("txErrors", stats.tx_errors);
  visit("txPackets", stats.tx_packets);
}

template <class Visitor>
void members(Visitor& visit, StorageStatsSet& stats) {
  visit("readSizeBytes", stats.read_size_bytes);
  visit("writeSizeBytes", stats.write_size_bytes);
}

template <class Visitor>
void members(Visitor& visit, RestartStatsSet& stats) {
  visit("restartCount", stats.restart_count);
}

template <class Visitor>
void members(Visitor& visit, ContainerMetric& metric) {
  visit("containerArn", metric.container_arn);
  visit("containerName", metric.container_name);
  visit("cpuStatsSet", metric.cpu_stats_set);
  visit("memoryStatsSet", metric.memory_stats_set);
  visit("networkStatsSet", metric.network_stats_set);
  visit("storageStatsSet", metric.storage_stats_set);
  visit("restartStatsSet", metric.restart_stats_set);
}

template <class Visitor>
void members(Visitor& visit, TaskMetric& metric) {
  visit("clusterArn", metric.cluster_arn);
  visit("taskArn", metric.task_arn);
  visit("taskDefinitionFamily", metric.task_definition_family);
  visit("taskDefinitionVersion", metric.task_definition_version);
  visit("containerMetrics", metric.container_metrics);
}

template <class Visitor>
void members(Visitor& visit, PublishMetricsRequest& message) {
  visit("metadata", message.metadata);
  visit("taskMetrics", message.task_metrics);
  visit("timestamp", message.timestamp);
}

template <class Visitor>
void members(Visitor& visit, AckPublishMetric& message) {
  visit("message", message.message);
}

template <class Visitor>
void members(Visitor& visit, ContainerHealth& health) {
  visit.required("containerName", health.container_name);
  visit.required("healthStatus", health.health_status);
  visit("statusSince", health.status_since);
  visit("statusMessage", health.status_message);
}

template <class Visitor>
void members(Visitor& visit, TaskHealth& health) {
  visit("clusterArn", health.cluster_arn);
  visit.required("taskArn", health.task_arn);
  visit("taskDefinitionFamily", health.task_definition_family);
  visit("taskDefinitionVersion", health.task_definition_version);
  visit("containers", health.containers);
}

template <class Visitor>
void members(Visitor& visit, HealthMetadata& metadata) {
  visit("cluster", metadata.cluster);
  visit("containerInstance", metadata.container_instance);
  visit("messageId", metadata.message_id);
  visit("fin", metadata.fin);
}

template <class Visitor>
void members(Visitor& visit, PublishHealthRequest& message) {
  visit("metadata", message.metadata);
  visit("tasks", message.tasks);
  visit("timestamp", message.timestamp);
}

template <class Visitor>
void members(Visitor& visit, AckPublishHealth& message) {
  visit("message", message.message);
}

template <class Visitor>
void members(Visitor& visit, InstanceStatusMetadata& metadata) {
  visit("cluster", metadata.cluster);
  visit("containerInstance", metadata.container_instance);
  visit("requestId", metadata.request_id);
}

template <class Visitor>
void members(Visitor& visit, InstanceStatus& status) {
  visit("type", status.type);
  visit("status", status.status);
  visit("lastUpdated", status.last_updated);
  visit("lastStatusChange", status.last_status_change);
}

template <class Visitor>
void members(Visitor& visit, PublishInstanceStatusRequest& message) {
  visit("metadata", message.metadata);
  visit("statuses", message.statuses);
  visit("timestamp", message.timestamp);
}

template <class Visitor>
void members(Visitor& visit, AckPublishInstanceStatus& message) {
  visit("message", message.message);
}

Result<TelemetryFrame> split_telemetry_frame(std::string_view text) {
  TelemetryFrame frame;
  while (!text.starts_with('{')) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos) {
      return Error(ErrorKind::invalid, "telemetry frame: the header lines must end with an empty line");
    }
    const auto line = trim(text.substr(0, end));
    text.remove_prefix(end + 1);
    if (line.empty()) break;
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0) {
      return Error::make(ErrorKind::invalid, "telemetry frame: line {} must be \"name: value\"",
                         frame.headers.size() + 1);
    }
    frame.headers.emplace_back(trim(line.substr(0, colon)), trim(line.substr(colon + 1)));
  }
  frame.body = std::string(text);
  return frame;
}

std::string join_telemetry_frame(const TelemetryFrame& frame) {
  std::string text;
  for (const auto& [name, value] : frame.headers) text += format("{}: {}\r\n", name, value);
  return text + "\r\n" + frame.body;
}

GANTRY_FRAME(PublishMetricsRequest)
GANTRY_FRAME(AckPublishMetric)
GANTRY_FRAME(PublishHealthRequest)
GANTRY_FRAME(AckPublishHealth)
GANTRY_FRAME(PublishInstanceStatusRequest)
GANTRY_FRAME(AckPublishInstanceStatus)

}  // namespace gantry::api
