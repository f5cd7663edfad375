#pragma once

#include "controlplane/state.h"

// The changes of a task's life that several callers make: operations, the deployment loop, the agent
// sessions. All run inside a Transaction on the state thread.

namespace gantry::controlplane {

struct ContainerStateChange {
  std::string container_name;
  std::string image_digest;
  std::string runtime_id;
  std::optional<int> exit_code;
  std::vector<api::NetworkBinding> network_bindings;
  std::string reason;
  std::string status;  // "RUNNING", "STOPPED", … as sent
};

struct TaskStateChange {
  std::string task;    // ARN or id
  std::string status;  // "RUNNING", "STOPPED", "PENDING" … ; empty: only the containers
  std::string reason;
  std::vector<ContainerStateChange> containers;
  std::optional<api::EpochSeconds> pull_started_at;
  std::optional<api::EpochSeconds> pull_stopped_at;
  std::optional<api::EpochSeconds> execution_stopped_at;
};

// What an agent reports. Monotone: steps backwards, repeats and reports on unknown tasks have no effect.
void apply_state_change(Transaction& transaction, const std::string& cluster_arn,
                        const TaskStateChange& change);

// Health of one task's containers, as TCS brings it (container name → status); the task's own follows from
// its essential containers.
void apply_health(Transaction& transaction, const std::string& task_arn,
                  const std::map<std::string, api::HealthStatus>& containers);

// Wants the task stopped: desiredStatus STOPPED, stopCode, stoppedReason and stoppingAt are set. A task that
// no agent was ever told of still goes by its agent, or is STOPPED at once when its instance is gone. Without
// effect on a task that is already stopping or stopped.
void want_stopped(Transaction& transaction, const std::string& task_arn, api::StopCode code,
                  const std::string& reason);

// STOPPED at once, without asking the agent: the host was lost or deregistered.
void stop_now(Transaction& transaction, const std::string& task_arn, api::StopCode code,
              const std::string& reason);

// One new task on an instance, as RunTask, StartTask and the deployment loop make it: PENDING, one container
// record for each container definition, overrides echoed for all containers. Put into the transaction.
struct NewTask {
  Ptr<TaskDefinition> definition;
  Ptr<ContainerInstance> instance;
  std::string group;       // empty: "family:FAMILY"
  std::string started_by;  // deployment id for tasks of a service
  std::string service_arn;
  std::string deployment_id;
  api::TaskOverride overrides;
  std::map<std::string, std::string> images;  // by container: instead of the definition's
  std::vector<api::Tag> tags;
  bool enable_execute_command = false;
  api::LaunchType launch_type = api::LaunchType::ec2;
};
Ptr<Task> make_task(Transaction& transaction, const NewTask& what);

// An ACS socket opened or closed. `version` is given on opening.
void set_agent_connected(Transaction& transaction, const std::string& instance_arn, bool connected,
                         const std::optional<api::VersionInfo>& version = {});

// The next payload's or manifest's sequence number, made durable with the transaction. 0 when there is no
// such instance.
int64_t next_sequence_number(Transaction& transaction, const std::string& instance_arn);

// A new PRIMARY deployment of `task_definition_arn` for an ACTIVE service; the former PRIMARY becomes ACTIVE.
// `cause` is told in an event when it isn't empty.
void start_deployment(Transaction& transaction, Service& service, const std::string& task_definition_arn,
                      const std::string& cause);

}  // namespace gantry::controlplane
