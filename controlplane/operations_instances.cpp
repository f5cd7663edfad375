#include "base/format.h"
#include "controlplane/operations.h"
#include "controlplane/pages.h"
#include "controlplane/placement_query.h"
#include "controlplane/placement_snapshot.h"
#include "controlplane/task_changes.h"
#include "controlplane/views.h"

#include <algorithm>

namespace gantry::controlplane {
namespace {

using api::ContainerInstanceStatus;

AwsResult<std::string> describe(const OperationContext& context,
                                const api::DescribeContainerInstancesRequest& request, const http::AwsCall&) {
  if (request.container_instances.empty()) return client_error("Container Instances cannot be empty.");
  if (request.container_instances.size() > 100) {
    return invalid_parameter("At most 100 container instances can be described at once.");
  }
  TRY(check_include(request.include, {"TAGS", "CONTAINER_INSTANCE_HEALTH"}));
  const bool with_tags = includes(request.include, "TAGS");
  const bool with_health = includes(request.include, "CONTAINER_INSTANCE_HEALTH");
  const auto run = [&](Transaction& transaction) -> AwsResult<api::ContainerInstancesResponse> {
    const auto& state = transaction.state();
    const auto cluster = TRY(active_cluster(state, request.cluster));
    api::ContainerInstancesResponse response;
    for (const auto& id : request.container_instances) {
      const auto arn = TRY(instance_arn_in(state, *cluster, id));
      if (const auto instance = state.instance(arn)) {
        auto& shown = response.container_instances.emplace_back(view(state, *instance, with_tags));
        if (with_health) shown.overall_health = "INSUFFICIENT_DATA";
      } else {
        response.failures.push_back({arn, "MISSING", ""});
      }
    }
    return response;
  };
  return to_json_text(TRY(context.controller.run(run)));
}

AwsResult<std::vector<std::string>> find_instances(const State& state,
                                                   const api::ListContainerInstancesRequest& request,
                                                   const std::optional<PlacementQuery>& query) {
  const auto cluster = TRY(active_cluster(state, request.cluster));
  std::vector<std::string> arns;
  for (const auto& arn : state.instances_of_cluster(cluster->cluster_arn)) {
    const auto instance = state.instance(arn);
    if (instance->status == ContainerInstanceStatus::inactive) continue;
    if (!request.status.empty() && enum_name(instance->status) != request.status) continue;
    if (query && !query->matches(host_snapshot(state, *instance))) continue;
    arns.push_back(arn);
  }
  return arns;
}

AwsResult<std::string> list(const OperationContext& context,
                            const api::ListContainerInstancesRequest& request, const http::AwsCall&) {
  static const std::vector<std::string> statuses = {
      "", "ACTIVE", "DRAINING", "REGISTERING", "DEREGISTERING", "REGISTRATION_FAILED"};
  if (std::find(statuses.begin(), statuses.end(), request.status) == statuses.end()) {
    return invalid_parameter(
        "Container instance status should be one of "
        "[ACTIVE,DRAINING,REGISTERING,DEREGISTERING,REGISTRATION_FAILED].");
  }
  std::optional<PlacementQuery> query;
  if (!request.filter.empty()) {
    auto parsed = PlacementQuery::parse(request.filter);
    if (!parsed) return invalid_parameter(parsed.error().message());
    query = std::move(*parsed);
  }
  const auto arns = TRY(context.controller.run(
      [&](Transaction& transaction) { return find_instances(transaction.state(), request, query); }));
  const auto question = format("{}\n{}\n{}", request.cluster, request.filter, request.status);
  return to_json_text(TRY(page(arns, request.page, {.member = "containerInstanceArns", .filter = question})));
}

AwsResult<std::string> update_state(const OperationContext& context,
                                    const api::UpdateContainerInstancesStateRequest& request,
                                    const http::AwsCall&) {
  if (request.container_instances.empty()) return invalid_parameter("Container instances cannot be empty.");
  if (request.container_instances.size() > 10) {
    return invalid_parameter("At most 10 container instances can be given at once.");
  }
  if (request.status != "ACTIVE" && request.status != "DRAINING") {
    return invalid_parameter("Container instance status should be one of [ACTIVE, DRAINING]");
  }
  const auto wanted = *enum_value<ContainerInstanceStatus>(request.status);
  const auto run = [&](Transaction& transaction) -> AwsResult<api::ContainerInstancesResponse> {
    const auto& state = transaction.state();
    const auto cluster = TRY(active_cluster(state, request.cluster));
    api::ContainerInstancesResponse response;
    for (const auto& id : request.container_instances) {
      const auto arn = TRY(instance_arn_in(state, *cluster, id));
      const auto found = state.instance(arn);
      if (!found || found->status == ContainerInstanceStatus::inactive) {
        response.failures.push_back({arn, found ? "INACTIVE" : "MISSING", ""});
        continue;
      }
      ContainerInstance instance = *found;
      instance.status = wanted;
      if (found->status != wanted) transaction.put(instance);
      response.container_instances.push_back(view(state, *state.instance(arn), true));
    }
    return response;
  };
  return to_json_text(TRY(context.controller.run(run)));
}

bool has_tasks(const State& state, const std::string& instance_arn) {
  const auto& arns = state.tasks_of_instance(instance_arn);
  return std::any_of(arns.begin(), arns.end(), [&](const auto& arn) { return !state.task(arn)->stopped(); });
}

AwsResult<api::ContainerInstance> deregister(Transaction& transaction,
                                             const api::DeregisterContainerInstanceRequest& request) {
  const auto& state = transaction.state();
  const auto cluster = TRY(active_cluster(state, request.cluster));
  const auto arn = TRY(instance_arn_in(state, *cluster, request.container_instance));
  const auto found = state.instance(arn);
  if (!found) return invalid_parameter("The referenced container instance was not found.");
  if (found->status == ContainerInstanceStatus::inactive) return view(state, *found, true);
  if (!request.force && has_tasks(state, arn))
    return invalid_parameter("Found running tasks on the instance.");
  const auto tasks = state.tasks_of_instance(arn);
  for (const auto& task : tasks) {
    stop_now(transaction, task, api::StopCode::user_initiated,
             "Container instance deregistration forced by user");
  }
  ContainerInstance instance = *found;
  instance.status = ContainerInstanceStatus::inactive;
  instance.agent_connected = false;
  instance.deregistered_at = transaction.now();
  transaction.put(instance);
  return view(state, *state.instance(arn), true);
}

AwsResult<std::string> deregister_instance(const OperationContext& context,
                                           const api::DeregisterContainerInstanceRequest& request,
                                           const http::AwsCall&) {
  if (request.container_instance.empty()) return invalid_parameter("Container instance cannot be empty.");
  return to_json_text(api::ContainerInstanceResponse{TRY(
      context.controller.run([&](Transaction& transaction) { return deregister(transaction, request); }))});
}

// There is no other agent than the one that the host's packages bring.
AwsResult<std::string> update_agent(const OperationContext& context,
                                    const api::DeregisterContainerInstanceRequest& request,
                                    const http::AwsCall&) {
  const auto run = [&](Transaction& transaction) -> AwsResult<std::string> {
    const auto cluster = TRY(active_cluster(transaction.state(), request.cluster));
    const auto arn = TRY(instance_arn_in(transaction.state(), *cluster, request.container_instance));
    if (!transaction->instance(arn))
      return invalid_parameter("The referenced container instance was not found.");
    return http::AwsError{"NoUpdateAvailableException",
                          "There is no update available for your container agent."};
  };
  return context.controller.run(run);
}

}  // namespace

void add_instance_operations(OperationTable& table, const OperationContext& context) {
  add_operation(table, context, "DescribeContainerInstances", describe);
  add_operation(table, context, "ListContainerInstances", list);
  add_operation(table, context, "UpdateContainerInstancesState", update_state);
  add_operation(table, context, "DeregisterContainerInstance", deregister_instance);
  add_operation(table, context, "UpdateContainerAgent", update_agent);
}

}  // namespace gantry::controlplane
