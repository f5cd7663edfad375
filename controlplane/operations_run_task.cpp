#include "api/container_rules.h"
#include "api/task_definition_rules.h"
#include "base/format.h"
#include "base/text.h"
#include "controlplane/operations.h"
#include "controlplane/placement_snapshot.h"
#include "controlplane/task_changes.h"
#include "controlplane/views.h"
#include "http/sigv4.h"

#include <algorithm>

namespace gantry::controlplane {
namespace {

constexpr size_t largest_overrides = 8192;  // characters of their JSON

struct Made {
  std::vector<Ptr<Task>> tasks;
  std::vector<api::Failure> failures;
};

AwsResult<void> check_client_token(const std::string& token) {
  const bool printable = std::all_of(token.begin(), token.end(), [](char c) { return c >= 33 && c <= 126; });
  if (token.size() <= 64 && printable) return {};
  return invalid_parameter("clientToken must have at most 64 characters between ASCII 33 and 126.");
}

AwsResult<void> check_overrides(const api::RunTaskRequest& request) {
  if (request.overrides_size > largest_overrides) {
    return invalid_parameter(format("overrides must have at most {} characters.", largest_overrides));
  }
  TRY(check_supported(request.overrides.unsupported));
  for (const auto& container : request.overrides.container_overrides)
    TRY(check_supported(container.unsupported));
  return {};
}

// What RunTask and StartTask ask for besides a place.
AwsResult<void> check_request(const api::RunTaskRequest& request) {
  TRY(check_supported(request.unsupported));
  TRY(check_overrides(request));
  TRY(check_client_token(request.client_token));
  TRY(api::check_tags(request.tags));
  if (request.started_by.size() > 128)
    return invalid_parameter("startedBy must have at most 128 characters.");
  if (request.reference_id.size() > 1024)
    return invalid_parameter("referenceId must have at most 1024 characters.");
  if (request.enable_execute_command) return not_supported("enableExecuteCommand");
  if (request.propagate_tags == "SERVICE") {
    return invalid_parameter("propagateTags SERVICE is only for services' tasks.");
  }
  if (!request.propagate_tags.empty() && request.propagate_tags != "TASK_DEFINITION" &&
      request.propagate_tags != "NONE") {
    return invalid_parameter("propagateTags should be one of [TASK_DEFINITION,NONE].");
  }
  if (request.network_configuration.empty()) return {};
  return invalid_parameter(
      "Network Configuration is not valid for the given networkMode of this task definition.");
}

AwsResult<api::LaunchType> launch_type_of(const api::RunTaskRequest& request) {
  if (request.launch_type.empty()) return api::LaunchType::ec2;
  const auto type = enum_value<api::LaunchType>(request.launch_type);
  if (!type) return invalid_parameter("launch type should be one of [EC2,FARGATE,EXTERNAL]");
  if (*type == api::LaunchType::fargate) return not_supported("Launch type FARGATE");
  return *type;
}

using ContainerOverrides = std::map<std::string, api::ContainerOverride>;

// By container. Each names another one of the definition's.
AwsResult<ContainerOverrides> overrides_by_name(const api::TaskOverride& overrides,
                                                const TaskDefinition& definition) {
  ContainerOverrides by_name;
  for (const auto& each : overrides.container_overrides) {
    const auto& containers = definition.container_definitions;
    const bool known = std::any_of(containers.begin(), containers.end(),
                                   [&](const auto& container) { return container.name == each.name; });
    if (!known) {
      return invalid_parameter(
          format("Override for container named {} is not a container in the TaskDefinition.", each.name));
    }
    if (!by_name.emplace(each.name, each).second) {
      return invalid_parameter(format("Container named {} is overridden twice.", each.name));
    }
  }
  return by_name;
}

// The container as it would run with `override` follows registration's rules.
AwsResult<void> check_overridden(const api::ContainerDefinition& container,
                                 const api::ContainerOverride& override, const std::string& task_memory) {
  TRY(api::check_range("cpu", override.cpu, 0, INT32_MAX, container.name));
  TRY(api::check_environment(container.name, override.environment));
  const auto memory = override.memory ? override.memory : container.memory;
  const auto reservation =
      override.memory_reservation ? override.memory_reservation : container.memory_reservation;
  return api::check_memory_sizes(container.name, memory, reservation, task_memory);
}

// Overrides name containers of the definition, and what it could have itself.
AwsResult<api::TaskOverride> normal_overrides(const api::RunTaskRequest& request,
                                              const TaskDefinition& definition) {
  auto overrides = request.overrides;
  if (!overrides.cpu.empty()) overrides.cpu = TRY(api::normal_cpu(overrides.cpu));
  if (!overrides.memory.empty()) overrides.memory = TRY(api::normal_memory(overrides.memory));
  TRY(api::check_execution_role(overrides.execution_role_arn, definition));
  const auto by_name = TRY(overrides_by_name(overrides, definition));
  const auto& task_memory = overrides.memory.empty() ? definition.memory : overrides.memory;
  for (const auto& container : definition.container_definitions) {
    const auto found = by_name.find(container.name);
    TRY(check_overridden(container, found == by_name.end() ? api::ContainerOverride{} : found->second,
                         task_memory));
  }
  return overrides;
}

std::vector<api::Tag> tags_of(const api::RunTaskRequest& request, const TaskDefinition& definition,
                              const Cluster& cluster) {
  auto tags = request.tags;
  const auto add = [&tags](const api::Tag& tag) {
    const bool given =
        std::any_of(tags.begin(), tags.end(), [&](const auto& each) { return each.key == tag.key; });
    if (!given) tags.push_back(tag);
  };
  if (request.propagate_tags == "TASK_DEFINITION") {
    for (const auto& tag : definition.tags) add(tag);
  }
  if (request.enable_ecs_managed_tags) add({"aws:ecs:clusterName", cluster.cluster_name});
  return tags;
}

AwsResult<NewTask> new_task(const api::RunTaskRequest& request, const Ptr<TaskDefinition>& definition,
                            const Cluster& cluster) {
  NewTask what;
  what.definition = definition;
  what.group = request.group;
  what.started_by = request.started_by;
  what.overrides = TRY(normal_overrides(request, *definition));
  what.tags = tags_of(request, *definition, cluster);
  what.launch_type = TRY(launch_type_of(request));
  return what;
}

TaskRequest placement_request(const api::RunTaskRequest& request, const NewTask& what) {
  auto wanted = task_request(*what.definition, what.overrides);
  wanted.count = request.count.value_or(1);
  wanted.group = what.group.empty() ? "family:" + what.definition->family : what.group;
  wanted.launch_type = what.launch_type;
  wanted.strategies = request.placement_strategy;
  wanted.constraints.insert(wanted.constraints.end(), request.placement_constraints.begin(),
                            request.placement_constraints.end());
  return wanted;
}

// A failure's detail.
std::string missing_text(const std::vector<std::string>& attributes) {
  return attributes.empty() ? "" : "missing attributes: " + join(attributes, ", ");
}

bool has_active_instance(const State& state, const Cluster& cluster) {
  const auto& arns = state.instances_of_cluster(cluster.cluster_arn);
  return std::any_of(arns.begin(), arns.end(), [&](const auto& arn) {
    return state.instance(arn)->status == api::ContainerInstanceStatus::active;
  });
}

AwsResult<Made> run_tasks(Transaction& transaction, const api::RunTaskRequest& request) {
  const auto cluster = TRY(active_cluster(transaction.state(), request.cluster));
  const auto definition = TRY(active_task_definition(transaction.state(), request.task_definition));
  auto what = TRY(new_task(request, definition, *cluster));
  if (const auto valid = check_placement(request.placement_constraints, request.placement_strategy); !valid) {
    return invalid_parameter(valid.error().message());
  }
  if (!has_active_instance(transaction.state(), *cluster)) {
    return invalid_parameter("No Container Instances were found in your cluster.");
  }
  Scheduler scheduler(host_snapshots(transaction.state(), cluster->cluster_arn),
                      static_cast<uint64_t>(transaction.now() * 1000));
  const auto placements = scheduler.place(placement_request(request, what));
  Made made;
  for (const auto& host : placements.hosts) {
    what.instance = transaction->instance(host);
    made.tasks.push_back(make_task(transaction, what));
  }
  for (const auto& failure : placements.failures) {
    made.failures.push_back(
        {failure.arn, std::string(refusal_text(failure.refusal)), missing_text(failure.missing_attributes)});
  }
  return made;
}

// One task on each named instance. Constraints are not evaluated, resources are.
AwsResult<Made> start_tasks(Transaction& transaction, const api::RunTaskRequest& request) {
  const auto cluster = TRY(active_cluster(transaction.state(), request.cluster));
  const auto definition = TRY(active_task_definition(transaction.state(), request.task_definition));
  auto what = TRY(new_task(request, definition, *cluster));
  Made made;
  for (const auto& id : request.container_instances) {
    const auto arn = TRY(instance_arn_in(transaction.state(), *cluster, id));
    what.instance = transaction->instance(arn);
    if (!what.instance) {
      made.failures.push_back({arn, "MISSING", ""});
      continue;
    }
    auto wanted = placement_request(request, what);
    wanted.count = 1;
    wanted.constraints.clear();
    const auto host = host_snapshot(transaction.state(), *what.instance);
    if (const auto refusal = refusal_of(host, wanted)) {
      const auto missing =
          *refusal == Refusal::attribute ? missing_attributes(host, wanted) : std::vector<std::string>();
      made.failures.push_back({arn, std::string(refusal_text(*refusal)), missing_text(missing)});
    } else {
      made.tasks.push_back(make_task(transaction, what));
    }
  }
  return made;
}

// The tasks that a token made before; nothing if it is new. Errors: ConflictException when it came with other
// parameters.
AwsResult<std::optional<Made>> made_before(const State& state, const std::string& key,
                                           const std::string& parameters) {
  const auto found = state.tokens().find(key);
  if (found == state.tokens().end()) return std::optional<Made>();
  const auto& token = *found->second;
  if (token.parameters != parameters) {
    std::string arns;
    for (const auto& arn : token.arns) arns += (arns.empty() ? "" : ", ") + arn;
    return http::AwsError{"ConflictException",
                          format("The clientToken was used with other parameters for: {}.", arns)};
  }
  Made made;
  for (const auto& arn : token.arns) {
    if (auto task = state.task(arn)) made.tasks.push_back(std::move(task));
  }
  return std::optional(std::move(made));
}

std::string answer(const Made& made) {
  api::TasksResponse response;
  for (const auto& task : made.tasks) response.tasks.push_back(view(*task, true));
  response.failures = made.failures;
  return to_json_text(response);
}

AwsResult<std::string> run_task(const OperationContext& context, const api::RunTaskRequest& request,
                                const http::AwsCall& call) {
  const int count = request.count.value_or(1);
  if (count < 1 || count > 10) return invalid_parameter("count must be between 1 and 10.");
  TRY(check_request(request));
  const auto run = [&](Transaction& transaction) -> AwsResult<Made> {
    if (request.client_token.empty()) return run_tasks(transaction, request);
    const auto cluster = TRY(active_cluster(transaction.state(), request.cluster));
    ClientToken token;
    token.key = format("RunTask/{}/{}", cluster->cluster_name, request.client_token);
    token.parameters = http::sha256_hex(call.body);
    if (auto before = TRY(made_before(transaction.state(), token.key, token.parameters))) return *before;
    auto made = TRY(run_tasks(transaction, request));
    if (made.tasks.empty()) return made;  // a retry may find room
    for (const auto& task : made.tasks) token.arns.push_back(task->task_arn);
    token.created_at = transaction.now();
    transaction.put(std::move(token));
    return made;
  };
  return answer(TRY(context.controller.run(run)));
}

AwsResult<std::string> start_task(const OperationContext& context, const api::RunTaskRequest& request,
                                  const http::AwsCall&) {
  if (request.container_instances.empty()) return client_error("Container Instances cannot be empty.");
  if (request.container_instances.size() > 10) {
    return invalid_parameter("At most 10 container instances can be given at once.");
  }
  TRY(check_request(request));
  return answer(TRY(
      context.controller.run([&](Transaction& transaction) { return start_tasks(transaction, request); })));
}

}  // namespace

void add_run_task_operations(OperationTable& table, const OperationContext& context) {
  add_operation(table, context, "RunTask", run_task);
  add_operation(table, context, "StartTask", start_task);
}

}  // namespace gantry::controlplane
