#include "base/format.h"
#include "base/text.h"
#include "controlplane/operations.h"
#include "controlplane/pages.h"
#include "controlplane/views.h"

#include <algorithm>

namespace gantry::controlplane {
namespace {

// "service-deployment/CLUSTER/SERVICE/19 digits", with the digits of the deployment's id.
std::string arn_of(const State& state, const Service& service, const DeploymentRecord& record,
                   std::string_view type) {
  return state.identity().arn(format("{}/{}/{}/{}", type, cluster_of(service.service_arn),
                                     service.service_name, api::short_name(record.deployment_id)));
}

// A record without a status is the PRIMARY's: it is what the deployment itself says.
void fill_in_live(api::ServiceDeployment& shown, const api::Deployment& live) {
  shown.requested_task_count = live.desired_count;
  shown.running_task_count = live.running_count;
  shown.pending_task_count = live.pending_count;
  if (!shown.status.empty()) return;
  switch (live.rollout_state) {
    case api::RolloutState::in_progress:
      shown.status = "IN_PROGRESS";
      break;
    case api::RolloutState::completed:
      shown.status = "SUCCESSFUL";
      shown.finished_at = live.updated_at;
      break;
    case api::RolloutState::failed:
      shown.status = "STOPPED";
      shown.status_reason = live.rollout_state_reason;
      shown.finished_at = live.updated_at;
      break;
  }
}

api::ServiceDeployment show(const State& state, const Service& service, const DeploymentRecord& record) {
  api::ServiceDeployment shown;
  shown.service_deployment_arn = arn_of(state, service, record, "service-deployment");
  shown.service_arn = service.service_arn;
  shown.cluster_arn = service.cluster_arn;
  shown.created_at = record.created_at;
  shown.finished_at = record.finished_at;
  shown.target_service_revision_arn = arn_of(state, service, record, "service-revision");
  shown.status = record.status;
  shown.status_reason = record.reason;
  shown.deployment_configuration = service.deployment_configuration;
  const auto counted = view(state, service, false);
  for (const auto& live : counted.deployments) {
    if (live.id == record.deployment_id) fill_in_live(shown, live);
  }
  if (shown.status.empty()) shown.status = "STOPPED";  // the service was deleted meanwhile
  return shown;
}

// Source: ECS API reference "ListServiceDeployments.status".
AwsResult<void> check_statuses(const std::vector<std::string>& statuses) {
  static const std::vector<std::string> known = {"PENDING",
                                                 "SUCCESSFUL",
                                                 "STOPPED",
                                                 "STOP_REQUESTED",
                                                 "IN_PROGRESS",
                                                 "ROLLBACK_REQUESTED",
                                                 "ROLLBACK_IN_PROGRESS",
                                                 "ROLLBACK_SUCCESSFUL",
                                                 "ROLLBACK_FAILED"};
  for (const auto& status : statuses) {
    if (std::find(known.begin(), known.end(), status) != known.end()) continue;
    return invalid_parameter(format("status should be one of [{}], found '{}'", join(known, ","), status));
  }
  return {};
}

bool fits(const api::ListServiceDeploymentsRequest& request, const api::ServiceDeployment& deployment) {
  const auto& statuses = request.status;
  if (!statuses.empty() && std::find(statuses.begin(), statuses.end(), deployment.status) == statuses.end()) {
    return false;
  }
  const auto& range = request.created_at;
  if (range.before && deployment.created_at >= *range.before) return false;
  return !range.after || deployment.created_at > *range.after;
}

using ListedDeployments = std::vector<api::ServiceDeployment>;

AwsResult<ListedDeployments> find_deployments(const State& state,
                                              const api::ListServiceDeploymentsRequest& request) {
  const auto cluster = TRY(active_cluster(state, request.cluster));
  const auto service = state.service(TRY(service_arn_in(state, *cluster, request.service)));
  if (!service) return http::AwsError{"ServiceNotFoundException", "Service not found."};
  ListedDeployments listed;
  for (const auto& record : service->history) {
    auto shown = show(state, *service, record);
    if (fits(request, shown)) listed.push_back(std::move(shown));
  }
  return listed;
}

// Newest first. Tokens hold "time ARN", as the order does.
std::string key_of(const api::ServiceDeployment& deployment) {
  return format("{:020.6f} {}", deployment.created_at, deployment.service_deployment_arn);
}

AwsResult<std::string> list_service_deployments(const OperationContext& context,
                                                const api::ListServiceDeploymentsRequest& request,
                                                const http::AwsCall&) {
  if (request.service.empty()) return invalid_parameter("Service cannot be empty.");
  TRY(check_statuses(request.status));
  const auto listed = TRY(context.controller.run(
      [&](Transaction& transaction) { return find_deployments(transaction.state(), request); }));
  std::map<std::string, api::ServiceDeployment, std::greater<>> ordered;
  for (const auto& deployment : listed) ordered.emplace(key_of(deployment), deployment);
  std::vector<std::string> keys;
  for (const auto& [key, deployment] : ordered) keys.push_back(key);
  const auto question = format("{}\n{}\n{}", request.cluster, request.service, join(request.status, ","));
  const auto shown = TRY(page(
      keys, request.page,
      {.member = "serviceDeployments", .default_results = 20, .filter = question, .less = std::greater<>()}));
  api::ListServiceDeploymentsResponse response;
  for (const auto& key : shown.values) response.service_deployments.push_back(ordered.at(key));
  response.next_token = shown.next_token;
  return to_json_text(response);
}

// The service and the deployment that "…:service-deployment/CLUSTER/SERVICE/DIGITS" names.
std::optional<api::ServiceDeployment> find_one(const State& state, const std::string& arn) {
  const auto parsed = api::parse_arn(arn);
  if (!parsed || parsed->type != "service-deployment") return std::nullopt;
  const auto parts = split(parsed->name, '/');
  if (parts.size() != 3) return std::nullopt;
  const auto service = state.service(state.identity().service_arn(parts[0], parts[1]));
  if (!service) return std::nullopt;
  for (const auto& record : service->history) {
    if (arn_of(state, *service, record, "service-deployment") == arn) return show(state, *service, record);
  }
  return std::nullopt;
}

AwsResult<std::string> describe_service_deployments(const OperationContext& context,
                                                    const api::DescribeServiceDeploymentsRequest& request,
                                                    const http::AwsCall&) {
  const auto& arns = request.service_deployment_arns;
  if (arns.empty() || arns.size() > 20)
    return invalid_parameter("1 to 20 service deployments can be described at once.");
  const auto run = [&](Transaction& transaction) -> AwsResult<api::DescribeServiceDeploymentsResponse> {
    api::DescribeServiceDeploymentsResponse response;
    for (const auto& arn : arns) {
      if (auto found = find_one(transaction.state(), arn)) {
        response.service_deployments.push_back(std::move(*found));
      } else {
        response.failures.push_back({arn, "MISSING", ""});
      }
    }
    return response;
  };
  return to_json_text(TRY(context.controller.run(run)));
}

}  // namespace

void add_service_deployment_operations(OperationTable& table, const OperationContext& context) {
  add_operation(table, context, "ListServiceDeployments", list_service_deployments);
  add_operation(table, context, "DescribeServiceDeployments", describe_service_deployments);
}

}  // namespace gantry::controlplane
