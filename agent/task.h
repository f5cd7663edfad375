#pragma once

#include "api/agent_payload.h"
#include "base/json.h"
#include "base/time.h"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace gantry::agent {

enum class StepKind { pull, create, start, stop };
enum class ContainerStatus { none, pulled, created, running, stopped };
enum class TaskStatus { pending, running, stopped };
enum class HealthStatus { none, unknown, healthy, unhealthy };

std::span<const EnumName<ContainerStatus>> enum_names(ContainerStatus);
std::span<const EnumName<TaskStatus>> enum_names(TaskStatus);
std::span<const EnumName<HealthStatus>> enum_names(HealthStatus);

// A published port as ECS shows it.
struct Binding {
  std::string bind_ip;
  uint16_t container_port = 0;
  uint16_t host_port = 0;
  std::string protocol;
};

// What is known of one container of a task, and what of it was told to the control plane.
struct ContainerRecord {
  ContainerStatus known = ContainerStatus::none;
  ContainerStatus sent = ContainerStatus::none;  // none, running or stopped
  std::string runtime_id;
  std::string image_digest;
  std::optional<int> exit_code;
  std::string reason;  // why it couldn't start, or was killed: "OutOfMemoryError: …"
  std::vector<Binding> bindings;
  std::string address;
  TimePoint started_at;  // epoch: never
  TimePoint finished_at;
  unsigned restart_count = 0;
  HealthStatus health = HealthStatus::none;
  TimePoint health_since;
  std::string health_output;
  std::optional<StepKind> under_way;  // what is being done to it now; not saved, as it dies with the agent
};

struct TaskRecord {
  TaskStatus known = TaskStatus::pending;
  TaskStatus sent = TaskStatus::pending;
  bool stop_wanted = false;  // by the control plane, by an essential container's end, or by a failure
  std::string reason;        // why it stops, for the control plane's stoppedReason; empty: it knows
  std::optional<TimePoint> accepted_at;
  std::optional<TimePoint> pull_started_at;
  std::optional<TimePoint> pull_stopped_at;
  std::optional<TimePoint> execution_stopped_at;  // the first essential container ended
  std::optional<TimePoint> stopped_at;
  std::vector<ContainerRecord> containers;  // in the payload's order
};

// A task: what was asked for, and how far it is. Durable as one file.
struct Task {
  api::PayloadTask payload;
  TaskRecord record;

  const std::string& arn() const { return payload.arn; }
  std::string id() const;   // the ARN's last part
  bool has_unsent() const;  // the control plane doesn't know all yet
};

// The task's file. Role credentials are left out: they live in memory only.
std::string to_json_text(const Task& task);
Result<Task> parse_task(std::string_view text, std::string_view source);

}  // namespace gantry::agent
