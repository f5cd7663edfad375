#include "api/task_definition_rules.h"
#include "base/format.h"
#include "controlplane/operations.h"
#include "controlplane/pages.h"
#include "controlplane/views.h"

namespace gantry::controlplane {
namespace {

const std::vector<std::string> everything = {"SETTINGS", "TAGS"};

AwsResult<void> check_settings(const std::vector<api::KeyValuePair>& settings) {
  for (const auto& setting : settings) {
    if (setting.name != "containerInsights") {
      return invalid_parameter(format("Unknown cluster setting '{}'.", setting.name));
    }
    if (setting.value == "disabled") continue;
    return not_supported(format("containerInsights={}", setting.value));
  }
  return {};
}

AwsResult<api::Cluster> create(Transaction& transaction, const api::CreateClusterRequest& request,
                               size_t most) {
  const auto name = request.cluster_name.empty() ? std::string("default") : request.cluster_name;
  const auto arn = transaction.identity().cluster_arn(name);
  const auto found = transaction->cluster(arn);
  if (found && found->status == api::ClusterStatus::active)
    return view(transaction.state(), *found, everything);
  if (!found && transaction->clusters().size() >= most) {
    return http::AwsError{"LimitExceededException", format("There are {} clusters already.", most)};
  }
  Cluster cluster;
  cluster.cluster_arn = arn;
  cluster.cluster_name = name;
  cluster.tags = request.tags;
  cluster.settings = {{"containerInsights", "disabled"}};
  transaction.put(cluster);
  return view(transaction.state(), cluster, everything);
}

AwsResult<std::string> create_cluster(const OperationContext& context,
                                      const api::CreateClusterRequest& request, const http::AwsCall&) {
  if (!request.cluster_name.empty() && !api::is_valid_name(request.cluster_name)) {
    return invalid_parameter("Identifiers must be 1 to 255 letters, numbers, hyphens and underscores.");
  }
  TRY(check_supported(request.unsupported));
  TRY(check_settings(request.settings));
  TRY(api::check_tags(request.tags));
  const auto most = context.options.clusters;
  return to_json_text(api::ClusterResponse{TRY(context.controller.run(
      [&request, most](Transaction& transaction) { return create(transaction, request, most); }))});
}

AwsResult<void> check_empty(const State& state, const Cluster& cluster) {
  for (const auto& arn : state.instances_of_cluster(cluster.cluster_arn)) {
    if (state.instance(arn)->status == api::ContainerInstanceStatus::inactive) continue;
    return http::AwsError{"ClusterContainsContainerInstancesException",
                          "The Cluster cannot be deleted while Container Instances are active or draining."};
  }
  for (const auto& arn : state.services_of_cluster(cluster.cluster_arn)) {
    if (state.service(arn)->status == api::ServiceStatus::inactive) continue;
    return http::AwsError{"ClusterContainsServicesException",
                          "The Cluster cannot be deleted while Services are active."};
  }
  for (const auto& arn : state.tasks_of_cluster(cluster.cluster_arn)) {
    if (state.task(arn)->stopped()) continue;
    return http::AwsError{"ClusterContainsTasksException",
                          "The Cluster cannot be deleted while Tasks are active."};
  }
  return {};
}

AwsResult<std::string> delete_cluster(const OperationContext& context, const api::ClusterRequest& request,
                                      const http::AwsCall&) {
  if (request.cluster.empty()) return invalid_parameter("Cluster cannot be empty.");
  const auto run = [&request](Transaction& transaction) -> AwsResult<api::Cluster> {
    const auto found = TRY(active_cluster(transaction.state(), request.cluster));
    TRY(check_empty(transaction.state(), *found));
    Cluster cluster = *found;
    cluster.status = api::ClusterStatus::inactive;
    cluster.deleted_at = transaction.now();
    transaction.put(cluster);
    return view(transaction.state(), cluster, everything);
  };
  return to_json_text(api::ClusterResponse{TRY(context.controller.run(run))});
}

AwsResult<std::string> describe_clusters(const OperationContext& context,
                                         const api::DescribeClustersRequest& request, const http::AwsCall&) {
  if (request.clusters.size() > 100)
    return invalid_parameter("At most 100 clusters can be described at once.");
  TRY(check_include(request.include, {"ATTACHMENTS", "CONFIGURATIONS", "SETTINGS", "STATISTICS", "TAGS"}));
  const auto run = [&request](Transaction& transaction) -> AwsResult<api::DescribeClustersResponse> {
    api::DescribeClustersResponse response;
    const auto& identity = transaction.identity();
    const auto names = request.clusters.empty() ? std::vector<std::string>{"default"} : request.clusters;
    for (const auto& name : names) {
      const auto arn = name.starts_with("arn:") ? name : identity.cluster_arn(name);
      if (const auto cluster = transaction->cluster(arn)) {
        response.clusters.push_back(view(transaction.state(), *cluster, request.include));
      } else {
        response.failures.push_back({arn, "MISSING", ""});
      }
    }
    return response;
  };
  return to_json_text(TRY(context.controller.run(run)));
}

AwsResult<std::string> list_clusters(const OperationContext& context, const api::ListClustersRequest& request,
                                     const http::AwsCall&) {
  const auto run = [](Transaction& transaction) -> AwsResult<std::vector<std::string>> {
    std::vector<std::string> arns;
    for (const auto& [arn, cluster] : transaction->clusters()) {
      if (cluster->status == api::ClusterStatus::active) arns.push_back(arn);
    }
    return arns;
  };
  const auto arns = TRY(context.controller.run(run));
  return to_json_text(TRY(page(arns, request.page, {.member = "clusterArns"})));
}

AwsResult<std::string> update_cluster(const OperationContext& context,
                                      const api::UpdateClusterRequest& request, const http::AwsCall&) {
  if (request.cluster.empty()) return invalid_parameter("Cluster cannot be empty.");
  TRY(check_supported(request.unsupported));
  TRY(check_settings(request.settings));
  const auto run = [&request](Transaction& transaction) -> AwsResult<api::Cluster> {
    return view(transaction.state(), *TRY(active_cluster(transaction.state(), request.cluster)), everything);
  };
  return to_json_text(api::ClusterResponse{TRY(context.controller.run(run))});
}

}  // namespace

void add_cluster_operations(OperationTable& table, const OperationContext& context) {
  add_operation(table, context, "CreateCluster", create_cluster);
  add_operation(table, context, "DeleteCluster", delete_cluster);
  add_operation(table, context, "DescribeClusters", describe_clusters);
  add_operation(table, context, "ListClusters", list_clusters);
  add_operation(table, context, "UpdateCluster", update_cluster);
  add_operation(table, context, "UpdateClusterSettings", update_cluster);
}

}  // namespace gantry::controlplane
