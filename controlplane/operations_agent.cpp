#include "api/task_definition_rules.h"
#include "base/format.h"
#include "base/log.h"
#include "controlplane/operations.h"
#include "controlplane/registration.h"
#include "controlplane/task_changes.h"
#include "controlplane/views.h"

// What agents call.

namespace gantry::controlplane {
namespace {

const std::string acknowledged = R"({"acknowledgment":"ok"})";

AwsResult<std::string> register_container_instance(const OperationContext& context,
                                                   const api::RegisterContainerInstanceRequest& request,
                                                   const http::AwsCall&) {
  for (const auto& name : request.unsupported) {
    log::warning("registration has devices that tasks can't ask for member={}", name);
  }
  TRY(api::check_tags(request.tags));
  const auto run = [&](Transaction& transaction) -> AwsResult<api::ContainerInstance> {
    const auto instance = TRY(register_instance(transaction, request, context.options.instances_per_cluster));
    return view(transaction.state(), *instance, true);
  };
  auto instance = TRY(context.controller.run(run));
  log::info("container instance registered instance={}", instance.container_instance_arn);
  return to_json_text(api::ContainerInstanceResponse{std::move(instance)});
}

AwsResult<std::string> discover_poll_endpoint(const OperationContext& context,
                                              const api::DiscoverPollEndpointRequest&,
                                              const http::AwsCall& call) {
  const auto& options = context.options;
  auto url = options.endpoint_url;
  if (url.empty()) url = format("{}://{}", options.secure ? "https" : "http", call.host);
  return to_json_text(api::DiscoverPollEndpointResponse{url, url});
}

ContainerStateChange change_of(const api::ContainerChangeRequest& request) {
  return {request.container_name,   request.image_digest, request.runtime_id, request.exit_code,
          request.network_bindings, request.reason,       request.status};
}

AwsResult<std::string> apply(const OperationContext& context, const std::string& cluster_name,
                             const TaskStateChange& change) {
  const auto run = [&](Transaction& transaction) -> AwsResult<std::string> {
    const auto cluster = TRY(active_cluster(transaction.state(), cluster_name));
    apply_state_change(transaction, cluster->cluster_arn, change);
    return acknowledged;
  };
  return context.controller.run(run);
}

// Neither attachments nor managed agents are handed out, so there are none to follow: acknowledged, or the
// agent would send it for a day.
void warn_unsupported(const std::vector<std::string>& members, std::string_view agent) {
  for (const auto& name : members) {
    log::warning("state change of what wasn't handed out, ignored member={} key={}", name, agent);
  }
}

AwsResult<std::string> submit_task(const OperationContext& context,
                                   const api::SubmitTaskStateChangeRequest& request,
                                   const http::AwsCall& call) {
  warn_unsupported(request.unsupported, call.identity.access_key_id);
  TaskStateChange change;
  change.task = request.task;
  change.status = request.status;
  change.reason = request.reason;
  for (const auto& container : request.containers) change.containers.push_back(change_of(container));
  change.pull_started_at = request.pull_started_at;
  change.pull_stopped_at = request.pull_stopped_at;
  change.execution_stopped_at = request.execution_stopped_at;
  return apply(context, request.cluster, change);
}

AwsResult<std::string> submit_container(const OperationContext& context,
                                        const api::SubmitContainerStateChangeRequest& request,
                                        const http::AwsCall&) {
  TaskStateChange change;
  change.task = request.task;
  change.containers.push_back(change_of(request.container));
  return apply(context, request.cluster, change);
}

AwsResult<std::string> submit_attachments(const OperationContext& context,
                                          const api::SubmitAttachmentStateChangesRequest& request,
                                          const http::AwsCall& call) {
  warn_unsupported(request.unsupported, call.identity.access_key_id);
  return apply(context, request.cluster, {});
}

}  // namespace

void add_agent_operations(OperationTable& table, const OperationContext& context) {
  add_operation(table, context, "RegisterContainerInstance", register_container_instance);
  add_operation(table, context, "DiscoverPollEndpoint", discover_poll_endpoint);
  add_operation(table, context, "SubmitTaskStateChange", submit_task);
  add_operation(table, context, "SubmitContainerStateChange", submit_container);
  add_operation(table, context, "SubmitAttachmentStateChanges", submit_attachments);
}

}  // namespace gantry::controlplane
