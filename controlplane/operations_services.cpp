#include "api/task_definition_rules.h"
#include "base/format.h"
#include "controlplane/operations.h"
#include "controlplane/placement.h"
#include "controlplane/service_rules.h"
#include "controlplane/task_changes.h"
#include "controlplane/views.h"
#include "http/sigv4.h"

namespace gantry::controlplane {
namespace {

using api::ServiceStatus;

// The service that answers a repeated CreateService, or nothing when the name is free.
AwsResult<std::optional<api::Service>> created_before(const State& state, const std::string& arn,
                                                      const api::CreateServiceRequest& request,
                                                      const std::string& parameters) {
  const auto found = state.service(arn);
  if (!found || found->status == ServiceStatus::inactive) return std::optional<api::Service>();
  if (found->status == ServiceStatus::draining) {
    return invalid_parameter("Unable to Start a service that is still Draining.");
  }
  const bool same_token = !request.client_token.empty() && found->client_token == request.client_token;
  if (!same_token && found->parameters != parameters) {
    return invalid_parameter("Creation of service was not idempotent.");
  }
  return std::optional(view(state, *found, true));
}

AwsResult<void> check_room(const State& state, const Cluster& cluster, size_t most) {
  if (state.services_of_cluster(cluster.cluster_arn).size() < most) return {};
  return http::AwsError{"LimitExceededException", format("The cluster has {} services already.", most)};
}

AwsResult<api::Service> create(Transaction& transaction, const OperationContext& context,
                               const api::CreateServiceRequest& request, const std::string& parameters) {
  const auto& state = transaction.state();
  const auto cluster = TRY(active_cluster(state, request.cluster));
  const auto definition = TRY(active_task_definition(state, request.task_definition));
  auto service = TRY(new_service(request, context.options.tasks_per_service));
  service.service_arn = state.identity().service_arn(cluster->cluster_name, service.service_name);
  if (auto before = TRY(created_before(state, service.service_arn, request, parameters))) return *before;
  TRY(check_room(state, *cluster, context.options.services_per_cluster));
  service.cluster_arn = cluster->cluster_arn;
  service.created_at = transaction.now();
  service.client_token = request.client_token;
  service.parameters = parameters;
  start_deployment(transaction, service, definition->task_definition_arn, "");
  transaction.put(service);
  return view(state, service, true);
}

AwsResult<std::string> create_service(const OperationContext& context,
                                      const api::CreateServiceRequest& request, const http::AwsCall& call) {
  TRY(check_create_service(request));
  const auto parameters = http::sha256_hex(call.body);
  return to_json_text(api::ServiceResponse{TRY(context.controller.run(
      [&](Transaction& transaction) { return create(transaction, context, request, parameters); }))});
}

AwsResult<Ptr<Service>> existing_service(const State& state, const std::string& cluster_name,
                                         const std::string& service_name) {
  const auto cluster = TRY(active_cluster(state, cluster_name));
  auto service = state.service(TRY(service_arn_in(state, *cluster, service_name)));
  if (!service) return http::AwsError{"ServiceNotFoundException", "Service not found."};
  return service;
}

void set_desired_count(Service& service, int count, api::EpochSeconds now) {
  if (service.desired_count == count) return;
  service.desired_count = count;
  service.steady = false;
  for (auto& deployment : service.deployments) {
    if (deployment.status != api::DeploymentStatus::primary) continue;
    deployment.desired_count = count;
    deployment.updated_at = now;
  }
}

AwsResult<api::Service> update(Transaction& transaction, const OperationContext& context,
                               const api::UpdateServiceRequest& request) {
  const auto& state = transaction.state();
  const auto found = TRY(existing_service(state, request.cluster, request.service));
  if (found->status != ServiceStatus::active) {
    return http::AwsError{"ServiceNotActiveException", "Service was not ACTIVE."};
  }
  Service service = *found;
  auto definition_arn = service.task_definition;
  if (!request.task_definition.empty()) {
    definition_arn = TRY(active_task_definition(state, request.task_definition))->task_definition_arn;
  }
  const bool deploys = TRY(apply_update(service, request, context.options.tasks_per_service)) ||
                       request.force_new_deployment || definition_arn != service.task_definition;
  if (request.desired_count) set_desired_count(service, *request.desired_count, transaction.now());
  if (deploys) start_deployment(transaction, service, definition_arn, "");
  transaction.put(service);
  return view(state, service, true);
}

AwsResult<std::string> update_service(const OperationContext& context,
                                      const api::UpdateServiceRequest& request, const http::AwsCall&) {
  if (request.service.empty()) return invalid_parameter("Service cannot be empty.");
  TRY(check_update_service(request));
  return to_json_text(api::ServiceResponse{TRY(context.controller.run(
      [&](Transaction& transaction) { return update(transaction, context, request); }))});
}

bool has_tasks(const State& state, const Service& service) {
  for (const auto& arn : state.tasks_of_service(service.service_arn)) {
    if (!state.task(arn)->stopped()) return true;
  }
  return false;
}

AwsResult<api::Service> remove(Transaction& transaction, const api::DeleteServiceRequest& request) {
  const auto& state = transaction.state();
  const auto found = TRY(existing_service(state, request.cluster, request.service));
  Service service = *found;
  if (service.status != ServiceStatus::active) return view(state, service, true);
  const bool scaled =
      service.scheduling_strategy == api::SchedulingStrategy::replica && service.desired_count > 0;
  if (scaled && !request.force) {
    return invalid_parameter("The service cannot be stopped while it is scaled above 0.");
  }
  set_desired_count(service, 0, transaction.now());
  service.status = ServiceStatus::draining;
  if (!has_tasks(state, service)) {
    service.status = ServiceStatus::inactive;
    service.deleted_at = transaction.now();
    service.deployments.clear();
    service.progress.clear();
  }
  transaction.put(service);
  return view(state, service, true);
}

AwsResult<std::string> delete_service(const OperationContext& context,
                                      const api::DeleteServiceRequest& request, const http::AwsCall&) {
  if (request.service.empty()) return invalid_parameter("Service cannot be empty.");
  return to_json_text(api::ServiceResponse{
      TRY(context.controller.run([&](Transaction& transaction) { return remove(transaction, request); }))});
}

}  // namespace

void add_service_operations(OperationTable& table, const OperationContext& context) {
  add_operation(table, context, "CreateService", create_service);
  add_operation(table, context, "UpdateService", update_service);
  add_operation(table, context, "DeleteService", delete_service);
}

}  // namespace gantry::controlplane
