#pragma once

#include "base/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// TCS: metrics and health from an agent; times are seconds since 1970. Frames are made and read as in
// agent_protocol.h.
// Source: amazon-ecs-agent 1.105.1, ecs-agent/tcs/model.

namespace gantry::api {

struct MetricsMetadata {
  std::string cluster;
  std::string container_instance;
  std::string message_id;
  bool idle = false;  // no tasks at all
  bool fin = false;   // the last frame of a round
};

struct StatsSet {
  double max = 0;
  double min = 0;
  int64_t sample_count = 0;
  double sum = 0;
};

struct NetworkStatsSet {
  std::optional<StatsSet> rx_bytes, rx_dropped, rx_errors, rx_packets;
  std::optional<StatsSet> tx_bytes, tx_dropped, tx_errors, tx_packets;
};

struct StorageStatsSet {
  std::optional<StatsSet> read_size_bytes, write_size_bytes;
};

struct RestartStatsSet {
  int64_t restart_count = 0;
};

struct ContainerMetric {
  std::string container_arn;
  std::string container_name;
  std::optional<StatsSet> cpu_stats_set;     // per cent: 100 is one CPU busy
  std::optional<StatsSet> memory_stats_set;  // MiB
  std::optional<NetworkStatsSet> network_stats_set;
  std::optional<StorageStatsSet> storage_stats_set;
  std::optional<RestartStatsSet> restart_stats_set;
};

struct TaskMetric {
  std::string cluster_arn;
  std::string task_arn;
  std::string task_definition_family;
  std::string task_definition_version;
  std::vector<ContainerMetric> container_metrics;
};

struct PublishMetricsRequest {
  static constexpr std::string_view type = "PublishMetricsRequest";
  MetricsMetadata metadata;
  std::vector<TaskMetric> task_metrics;  // at most 10
  double timestamp = 0;
};

struct AckPublishMetric {
  static constexpr std::string_view type = "AckPublishMetric";
  std::string message;
};

struct ContainerHealth {
  std::string container_name;
  std::string health_status;  // HEALTHY, UNHEALTHY, UNKNOWN
  double status_since = 0;
  std::string status_message;
};

struct TaskHealth {
  std::string cluster_arn;
  std::string task_arn;
  std::string task_definition_family;
  std::string task_definition_version;
  std::vector<ContainerHealth> containers;
};

struct HealthMetadata {
  std::string cluster;
  std::string container_instance;
  std::string message_id;
  bool fin = false;
};

struct PublishHealthRequest {
  static constexpr std::string_view type = "PublishHealthRequest";
  HealthMetadata metadata;
  std::vector<TaskHealth> tasks;  // at most 10
  double timestamp = 0;
};

struct AckPublishHealth {
  static constexpr std::string_view type = "AckPublishHealth";
  std::string message;
};

struct InstanceStatusMetadata {
  std::string cluster;
  std::string container_instance;
  std::string request_id;
};

struct InstanceStatus {
  std::string type;    // CONTAINER_RUNTIME
  std::string status;  // OK, IMPAIRED, INSUFFICIENT_DATA, INITIALIZING
  double last_updated = 0;
  double last_status_change = 0;
};

struct PublishInstanceStatusRequest {
  static constexpr std::string_view type = "PublishInstanceStatusRequest";
  InstanceStatusMetadata metadata;
  std::vector<InstanceStatus> statuses;
  double timestamp = 0;
};

struct AckPublishInstanceStatus {
  static constexpr std::string_view type = "AckPublishInstanceStatus";
  std::string message;
};

// ---- telemetry frames of the agent: header lines, CRLF, an empty line, then the frame ----

struct TelemetryFrame {
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

// A text that starts with "{" has no header lines and is accepted as a body alone.
// Errors: invalid when a line is no header or the empty line is missing.
Result<TelemetryFrame> split_telemetry_frame(std::string_view text);
std::string join_telemetry_frame(const TelemetryFrame& frame);

}  // namespace gantry::api
