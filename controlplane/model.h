#pragma once

#include "api/ecs_cluster.h"
#include "api/ecs_service.h"
#include "api/ecs_task.h"
#include "api/ecs_task_definition.h"
#include "base/result.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// The records of the control plane: each is the ECS shape plus what only we need. They are values without
// behaviour; State owns them as shared_ptr<const …> and a change replaces a record by a new one. Counts and
// remaining resources of the ECS shapes are not maintained in records: views.h computes them.

namespace gantry::controlplane {

struct Cluster : api::Cluster {
  std::optional<api::EpochSeconds> deleted_at;
};

struct TaskDefinition : api::TaskDefinition {
  std::vector<api::Tag> tags;
};

// Revisions are never reused, so the last one outlives its task definitions.
struct Family {
  std::string name;
  int last_revision = 0;
};

// The images that a deployment's tasks run: "CONTAINER/ARCHITECTURE" → "HOST/REPOSITORY@DIGEST";
// image_pins.h.
using ImagePins = std::map<std::string, std::string>;

// What the scheduler remembers about one deployment beside the ECS shape; keyed by deployment id.
// The deployment loop owns these members; operations only make the entry.
struct DeploymentProgress {
  std::string cause;                    // why it was made, for events: "", "image ns1/web:v2 pushed", …
  bool reached_running = false;         // one task of it was RUNNING: stage 2 of the circuit breaker
  int consecutive_failures = 0;         // tasks that stopped without ever running, since the last that ran
  api::EpochSeconds next_start_at = 0;  // throttled until
  int completed_count = 0;
  ImagePins images;
};

// What became of a deployment: kept when ECS's own list has forgotten it.
struct DeploymentRecord {
  std::string deployment_id;  // "ecs-svc/" and 19 digits
  std::string task_definition;
  api::EpochSeconds created_at = 0;
  std::optional<api::EpochSeconds> finished_at;
  std::string status;  // of a service deployment: SUCCESSFUL, STOPPED; empty: it is the PRIMARY, see there
  std::string reason;
};

struct Service : api::Service {
  std::vector<DeploymentRecord> history;  // newest first, at most 20; kept by start_deployment
  std::string role_arn;
  std::string client_token;
  std::string parameters;  // CreateService's own parameters as JSON, to tell a repeat from a clash
  std::map<std::string, DeploymentProgress> progress;
  std::string last_completed_task_definition;  // rollback target: of the last COMPLETED deployment
  ImagePins last_completed_images;             // likewise
  api::EpochSeconds last_steady_at = 0;        // "has reached a steady state." is said at most every 6 h
  bool steady = false;
  std::map<std::string, api::EpochSeconds> said;  // event text → when, to suppress repeats of a cause
  std::optional<api::EpochSeconds> deleted_at;
};

struct Task : api::Task {
  std::string service_arn;    // empty: standalone
  std::string deployment_id;  // "ecs-svc/…" for tasks of a service
  std::optional<api::EpochSeconds> healthy_since;
  api::EpochSeconds last_change = 0;

  std::string id() const { return std::string(api::short_name(task_arn)); }
  bool stopped() const { return last_status == api::TaskStatus::stopped; }
  bool wanted() const { return desired_status == api::DesiredStatus::running; }
};

struct ContainerInstance : api::ContainerInstance {
  std::string cluster_arn;
  int64_t sequence_number = 0;  // of payloads and manifests, strictly growing; durable before it is sent
  std::optional<api::EpochSeconds> disconnected_at;  // since when no ACS socket is open
  std::optional<api::EpochSeconds> deregistered_at;

  std::string id() const { return std::string(api::short_name(container_instance_arn)); }
};

// A client's idempotency token and what it made, kept for 24 h.
struct ClientToken {
  std::string key;         // "RunTask/CLUSTER/TOKEN"
  std::string parameters;  // the request that used it first
  std::vector<std::string> arns;
  api::EpochSeconds created_at = 0;
};

// Ids of EventBridge events that were acted on, so that a repeat isn't.
struct SeenEvent {
  std::string id;
  api::EpochSeconds at = 0;
};

// The control plane's own names, fixed for its life.
struct Identity {
  std::string region = "us-east-1";
  std::string account = "123456789012";

  std::string arn(std::string_view type_and_name) const;  // "arn:aws:ecs:REGION:ACCOUNT:" + …
  std::string cluster_arn(std::string_view name) const;
  std::string service_arn(std::string_view cluster, std::string_view name) const;
  std::string task_arn(std::string_view cluster, std::string_view id) const;
  std::string container_instance_arn(std::string_view cluster, std::string_view id) const;
  std::string task_definition_arn(std::string_view family, int revision) const;
};

std::string new_deployment_id();  // "ecs-svc/" and 19 digits
std::string new_id();             // 32 hex digits: a task's, an instance's
std::string cluster_of(
    std::string_view arn);  // "default" of a service's, task's or instance's ARN; or of a cluster's

// Text of a record as the store keeps it, and back. One pair for each type in model_json.cpp.
std::string to_json_text(const Cluster&);
std::string to_json_text(const TaskDefinition&);
std::string to_json_text(const Family&);
std::string to_json_text(const Service&);
std::string to_json_text(const Task&);
std::string to_json_text(const ContainerInstance&);
std::string to_json_text(const ClientToken&);
std::string to_json_text(const SeenEvent&);
Result<void> from_json_text(std::string_view text, std::string_view source, Cluster& record);
Result<void> from_json_text(std::string_view text, std::string_view source, TaskDefinition& record);
Result<void> from_json_text(std::string_view text, std::string_view source, Family& record);
Result<void> from_json_text(std::string_view text, std::string_view source, Service& record);
Result<void> from_json_text(std::string_view text, std::string_view source, Task& record);
Result<void> from_json_text(std::string_view text, std::string_view source, ContainerInstance& record);
Result<void> from_json_text(std::string_view text, std::string_view source, ClientToken& record);
Result<void> from_json_text(std::string_view text, std::string_view source, SeenEvent& record);

}  // namespace gantry::controlplane
