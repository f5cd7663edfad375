#include "base/format.h"
#include "controlplane/operations.h"
#include "controlplane/pages.h"
#include "controlplane/views.h"

namespace gantry::controlplane {
namespace {

AwsResult<std::string> describe_services(const OperationContext& context,
                                         const api::DescribeServicesRequest& request, const http::AwsCall&) {
  if (request.services.empty()) return invalid_parameter("Services cannot be empty.");
  if (request.services.size() > 10) return invalid_parameter("At most 10 services can be described at once.");
  TRY(check_include(request.include, {"TAGS"}));
  const bool with_tags = includes(request.include, "TAGS");
  const auto run = [&](Transaction& transaction) -> AwsResult<api::DescribeServicesResponse> {
    const auto& state = transaction.state();
    const auto cluster = TRY(active_cluster(state, request.cluster));
    api::DescribeServicesResponse response;
    for (const auto& name : request.services) {
      const auto arn = TRY(service_arn_in(state, *cluster, name));
      if (const auto service = state.service(arn)) {
        response.services.push_back(view(state, *service, with_tags));
      } else {
        response.failures.push_back({arn, "MISSING", ""});
      }
    }
    return response;
  };
  return to_json_text(TRY(context.controller.run(run)));
}

struct Filter {
  std::optional<api::LaunchType> launch_type;
  std::optional<api::SchedulingStrategy> strategy;
  bool none = false;  // managed by ECS itself: there are no such services here
};

AwsResult<Filter> parse_filter(const api::ListServicesRequest& request) {
  Filter filter;
  if (!request.launch_type.empty()) {
    filter.launch_type = enum_value<api::LaunchType>(request.launch_type);
    if (!filter.launch_type) return invalid_parameter("launch type should be one of [EC2,FARGATE,EXTERNAL]");
  }
  if (!request.scheduling_strategy.empty()) {
    filter.strategy = enum_value<api::SchedulingStrategy>(request.scheduling_strategy);
    if (!filter.strategy) return invalid_parameter("schedulingStrategy should be one of [REPLICA,DAEMON]");
  }
  const auto& manager = request.resource_management_type;
  if (!manager.empty() && manager != "CUSTOMER" && manager != "ECS") {
    return invalid_parameter("resourceManagementType should be one of [CUSTOMER,ECS]");
  }
  filter.none = manager == "ECS";
  return filter;
}

AwsResult<std::string> list_services(const OperationContext& context, const api::ListServicesRequest& request,
                                     const http::AwsCall&) {
  const auto filter = TRY(parse_filter(request));
  const auto run = [&](Transaction& transaction) -> AwsResult<std::vector<std::string>> {
    const auto& state = transaction.state();
    const auto cluster = TRY(active_cluster(state, request.cluster));
    std::vector<std::string> arns;
    for (const auto& arn : state.services_of_cluster(cluster->cluster_arn)) {
      const auto service = state.service(arn);
      if (service->status == api::ServiceStatus::inactive || filter.none) continue;
      if (filter.launch_type && service->launch_type != *filter.launch_type) continue;
      if (filter.strategy && service->scheduling_strategy != *filter.strategy) continue;
      arns.push_back(arn);
    }
    return arns;
  };
  const auto arns = TRY(context.controller.run(run));
  const auto question = format("{}\n{}\n{}\n{}", request.cluster, request.launch_type,
                               request.scheduling_strategy, request.resource_management_type);
  return to_json_text(
      TRY(page(arns, request.page, {.member = "serviceArns", .default_results = 10, .filter = question})));
}

}  // namespace

void add_service_query_operations(OperationTable& table, const OperationContext& context) {
  add_operation(table, context, "DescribeServices", describe_services);
  add_operation(table, context, "ListServices", list_services);
}

}  // namespace gantry::controlplane
