#include "base/format.h"
#include "controlplane/operations.h"
#include "controlplane/pages.h"
#include "controlplane/task_changes.h"
#include "controlplane/views.h"

namespace gantry::controlplane {
namespace {

AwsResult<std::string> stop_task(const OperationContext& context, const api::StopTaskRequest& request,
                                 const http::AwsCall&) {
  if (request.task.empty()) return invalid_parameter("Task cannot be empty.");
  if (request.reason.size() > 1024) return invalid_parameter("reason must have at most 1024 characters.");
  const auto run = [&request](Transaction& transaction) -> AwsResult<Ptr<Task>> {
    const auto cluster = TRY(active_cluster(transaction.state(), request.cluster));
    const auto arn = TRY(task_arn_in(transaction.state(), *cluster, request.task));
    if (!transaction->task(arn)) return invalid_parameter("The referenced task was not found.");
    want_stopped(transaction, arn, api::StopCode::user_initiated,
                 request.reason.empty() ? "Task stopped by user" : request.reason);
    return transaction->task(arn);
  };
  return to_json_text(api::TaskResponse{view(*TRY(context.controller.run(run)), true)});
}

AwsResult<std::string> describe_tasks(const OperationContext& context,
                                      const api::DescribeTasksRequest& request, const http::AwsCall&) {
  if (request.tasks.empty()) return invalid_parameter("Tasks cannot be empty.");
  if (request.tasks.size() > 100) return invalid_parameter("At most 100 tasks can be described at once.");
  TRY(check_include(request.include, {"TAGS"}));
  struct Found {
    std::vector<Ptr<Task>> tasks;
    std::vector<api::Failure> failures;
  };
  const auto run = [&request](Transaction& transaction) -> AwsResult<Found> {
    const auto cluster = TRY(active_cluster(transaction.state(), request.cluster));
    Found found;
    for (const auto& id : request.tasks) {
      const auto arn = TRY(task_arn_in(transaction.state(), *cluster, id));
      if (auto task = transaction->task(arn)) {
        found.tasks.push_back(std::move(task));
      } else {
        found.failures.push_back({arn, "MISSING", ""});
      }
    }
    return found;
  };
  auto found = TRY(context.controller.run(run));
  api::TasksResponse response;
  for (const auto& task : found.tasks)
    response.tasks.push_back(view(*task, includes(request.include, "TAGS")));
  response.failures = std::move(found.failures);
  return to_json_text(response);
}

struct TaskFilter {
  std::string instance_arn;
  std::string service_arn;
  std::string family;
  std::string started_by;
  std::optional<api::LaunchType> launch_type;
  api::DesiredStatus desired_status = api::DesiredStatus::running;
};

AwsResult<TaskFilter> parse_filter(const api::ListTasksRequest& request) {
  TaskFilter filter;
  filter.family = request.family;
  filter.started_by = request.started_by;
  if (!request.desired_status.empty()) {
    const auto status = enum_value<api::DesiredStatus>(request.desired_status);
    if (!status) return invalid_parameter("desiredStatus should be one of [RUNNING,PENDING,STOPPED].");
    filter.desired_status = *status;
  }
  if (!request.launch_type.empty()) {
    filter.launch_type = enum_value<api::LaunchType>(request.launch_type);
    if (!filter.launch_type) return invalid_parameter("launch type should be one of [EC2,FARGATE,EXTERNAL]");
  }
  const bool others =
      !request.family.empty() || !request.service_name.empty() || !request.container_instance.empty();
  if (!request.started_by.empty() && others) {
    return invalid_parameter("startedBy must be the only filter.");
  }
  return filter;
}

bool fits(const State& state, const TaskFilter& filter, const Task& task) {
  if (task.desired_status != filter.desired_status) return false;
  if (!filter.instance_arn.empty() && task.container_instance_arn != filter.instance_arn) return false;
  if (!filter.service_arn.empty() && task.service_arn != filter.service_arn) return false;
  if (!filter.started_by.empty() && task.started_by != filter.started_by) return false;
  if (filter.launch_type && task.launch_type != *filter.launch_type) return false;
  if (filter.family.empty()) return true;
  const auto prefix = state.identity().arn("task-definition/" + filter.family + ":");
  return task.task_definition_arn.starts_with(prefix);
}

AwsResult<std::vector<std::string>> find_tasks(const State& state, const api::ListTasksRequest& request,
                                               TaskFilter filter) {
  const auto cluster = TRY(active_cluster(state, request.cluster));
  if (!request.container_instance.empty()) {
    filter.instance_arn = TRY(instance_arn_in(state, *cluster, request.container_instance));
    if (!state.instance(filter.instance_arn))
      return invalid_parameter("The referenced container instance was not found.");
  }
  if (!request.service_name.empty()) {
    filter.service_arn = TRY(service_arn_in(state, *cluster, request.service_name));
    if (!state.service(filter.service_arn))
      return http::AwsError{"ServiceNotFoundException", "Service not found."};
  }
  std::vector<std::string> arns;
  for (const auto& arn : state.tasks_of_cluster(cluster->cluster_arn)) {
    if (fits(state, filter, *state.task(arn))) arns.push_back(arn);
  }
  return arns;
}

AwsResult<std::string> list_tasks(const OperationContext& context, const api::ListTasksRequest& request,
                                  const http::AwsCall&) {
  TRY(check_supported(request.unsupported));
  const auto filter = TRY(parse_filter(request));
  const auto arns = TRY(context.controller.run(
      [&](Transaction& transaction) { return find_tasks(transaction.state(), request, filter); }));
  const auto question =
      format("{}\n{}\n{}\n{}\n{}\n{}\n{}", request.cluster, request.container_instance, request.family,
             request.started_by, request.service_name, request.desired_status, request.launch_type);
  return to_json_text(TRY(page(arns, request.page, {.member = "taskArns", .filter = question})));
}

}  // namespace

void add_task_operations(OperationTable& table, const OperationContext& context) {
  add_operation(table, context, "StopTask", stop_task);
  add_operation(table, context, "DescribeTasks", describe_tasks);
  add_operation(table, context, "ListTasks", list_tasks);
}

}  // namespace gantry::controlplane
