#include "agent/task.h"
#include "api/agent_protocol.h"
#include "api/ecs_common.h"

namespace gantry::agent {

namespace {

constexpr EnumName<ContainerStatus> container_names[] = {{ContainerStatus::none, "NONE"},
                                                         {ContainerStatus::pulled, "PULLED"},
                                                         {ContainerStatus::created, "CREATED"},
                                                         {ContainerStatus::running, "RUNNING"},
                                                         {ContainerStatus::stopped, "STOPPED"}};
constexpr EnumName<TaskStatus> task_names[] = {
    {TaskStatus::pending, "PENDING"}, {TaskStatus::running, "RUNNING"}, {TaskStatus::stopped, "STOPPED"}};
constexpr EnumName<HealthStatus> health_names[] = {{HealthStatus::none, "NONE"},
                                                   {HealthStatus::unknown, "UNKNOWN"},
                                                   {HealthStatus::healthy, "HEALTHY"},
                                                   {HealthStatus::unhealthy, "UNHEALTHY"}};

// A point in time as RFC 3339 text; the epoch is left out.
template <class Visitor>
void visit_time(Visitor& visit, std::string_view name, TimePoint& time) {
  std::string text = time == TimePoint{} ? std::string() : format_rfc3339(time);
  visit(name, text);
  if constexpr (Visitor::reading) {
    if (text.empty()) return;
    if (const auto parsed = parse_rfc3339(text)) {
      time = *parsed;
    } else {
      visit.fail(parsed.error().message());
    }
  }
}

template <class Visitor>
void visit_time(Visitor& visit, std::string_view name, std::optional<TimePoint>& time) {
  TimePoint point = time.value_or(TimePoint{});
  visit_time(visit, name, point);
  if (point != TimePoint{}) time = point;
}

struct TaskFile {
  api::Frame payload;  // a PayloadMessage with this one task
  TaskRecord record;
};

template <class Visitor>
void members(Visitor& visit, TaskFile& file) {
  visit.required("payload", file.payload.message);
  visit.required("record", file.record);
}

}  // namespace

std::span<const EnumName<ContainerStatus>> enum_names(ContainerStatus) {
  return container_names;
}
std::span<const EnumName<TaskStatus>> enum_names(TaskStatus) {
  return task_names;
}
std::span<const EnumName<HealthStatus>> enum_names(HealthStatus) {
  return health_names;
}

template <class Visitor>
void members(Visitor& visit, Binding& binding) {
  visit("bindIP", binding.bind_ip);
  visit("containerPort", binding.container_port);
  visit("hostPort", binding.host_port);
  visit("protocol", binding.protocol);
}

template <class Visitor>
void members(Visitor& visit, ContainerRecord& record) {
  visit.required("known", record.known);
  visit.required("sent", record.sent);
  visit("runtimeId", record.runtime_id);
  visit("imageDigest", record.image_digest);
  visit("exitCode", record.exit_code);
  visit("reason", record.reason);
  visit("bindings", record.bindings);
  visit("address", record.address);
  visit_time(visit, "startedAt", record.started_at);
  visit_time(visit, "finishedAt", record.finished_at);
  visit("restartCount", record.restart_count);
  visit("health", record.health);
  visit_time(visit, "healthSince", record.health_since);
}

template <class Visitor>
void members(Visitor& visit, TaskRecord& record) {
  visit.required("known", record.known);
  visit.required("sent", record.sent);
  visit("stopWanted", record.stop_wanted);
  visit("reason", record.reason);
  visit_time(visit, "acceptedAt", record.accepted_at);
  visit_time(visit, "pullStartedAt", record.pull_started_at);
  visit_time(visit, "pullStoppedAt", record.pull_stopped_at);
  visit_time(visit, "executionStoppedAt", record.execution_stopped_at);
  visit_time(visit, "stoppedAt", record.stopped_at);
  visit.always("containers", record.containers);
}

std::string Task::id() const {
  return std::string(api::short_name(payload.arn));
}

bool Task::has_unsent() const {
  if (record.known > record.sent) return true;
  if (record.known == TaskStatus::pending) return false;
  for (const auto& container : record.containers) {
    if (container.known >= ContainerStatus::running && container.known > container.sent) return true;
  }
  return false;
}

std::string to_json_text(const Task& task) {
  api::PayloadMessage message;
  message.message_id = "saved";
  message.cluster_arn = "saved";
  message.container_instance_arn = "saved";
  message.tasks = {task.payload};
  message.tasks[0].role_credentials.reset();
  message.tasks[0].execution_role_credentials.reset();
  auto frame = api::parse_frame(api::to_frame(message), "saved task");
  return to_json(TaskFile{frame ? *frame : api::Frame{}, task.record});
}

Result<Task> parse_task(std::string_view text, std::string_view source) {
  auto file = TRY(parse_json<TaskFile>(text, source));
  file.payload.type = std::string(api::PayloadMessage::type);
  auto message = TRY(api::parse_message<api::PayloadMessage>(file.payload, source));
  if (message.tasks.size() != 1 || message.tasks[0].containers.size() != file.record.containers.size()) {
    return Error::invalid(source, "$.record.containers", "must be as many as the payload's containers");
  }
  return Task{std::move(message.tasks[0]), std::move(file.record)};
}

}  // namespace gantry::agent
